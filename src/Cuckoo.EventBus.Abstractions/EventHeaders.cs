using System.Collections;
using System.Text;

namespace Cuckoo.EventBus;

/// <summary>The headers of one Kafka record: names and bytes, in their order; names may repeat.</summary>
/// <remarks>Not safe for concurrent changes.</remarks>
public sealed class EventHeaders : IReadOnlyCollection<KeyValuePair<string, byte[]?>>
{
    // As many as the bus's own with a trace, so that the list of most events never grows.
    private readonly List<KeyValuePair<string, byte[]?>> _items = new(5);

    /// <inheritdoc/>
    public int Count => _items.Count;

    /// <summary>
    /// The last header of this name as text (bytes that are not UTF-8 become U+FFFD), <see langword="null"/> if there is none
    /// or it has no value.
    /// </summary>
    /// <param name="name">The header's name, compared exactly.</param>
    public string? this[string name] => GetBytes(name) is { } value ? Encoding.UTF8.GetString(value) : null;

    /// <summary>The last header of this name, <see langword="null"/> if there is none or it has no value.</summary>
    /// <param name="name">The header's name, compared exactly.</param>
    public byte[]? GetBytes(string name)
    {
        for (var i = _items.Count - 1; i >= 0; i--)
        {
            if (_items[i].Key == name)
            {
                return _items[i].Value;
            }
        }

        return null;
    }

    /// <summary>One header by its place. By name is for everyone else: without an enumerator, for what runs per record.</summary>
    internal KeyValuePair<string, byte[]?> this[int index] => _items[index];

    /// <summary>Whether there is a header of this name.</summary>
    /// <param name="name">The header's name, compared exactly.</param>
    public bool Contains(string name) => _items.Exists(header => header.Key == name);

    /// <summary>Adds a header with text, in UTF-8.</summary>
    /// <param name="name">The header's name; not empty.</param>
    /// <param name="value">Its text.</param>
    public void Add(string name, string value)
    {
        ArgumentNullException.ThrowIfNull(value);
        Add(name, Encoding.UTF8.GetBytes(value));
    }

    /// <summary>Adds a header with bytes.</summary>
    /// <param name="name">The header's name; not empty.</param>
    /// <param name="value">Its bytes, not copied; <see langword="null"/> is Kafka's header without a value.</param>
    public void Add(string name, byte[]? value)
    {
        ArgumentException.ThrowIfNullOrEmpty(name);
        _items.Add(new(name, value));
    }

    /// <inheritdoc/>
    public IEnumerator<KeyValuePair<string, byte[]?>> GetEnumerator() => _items.GetEnumerator();

    IEnumerator IEnumerable.GetEnumerator() => GetEnumerator();
}
