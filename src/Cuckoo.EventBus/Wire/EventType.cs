using System.Text;

namespace Cuckoo.EventBus.Wire;

/// <summary>One event type as it stands on the wire: the only bridge between a name there and a CLR type here.</summary>
internal sealed class EventType
{
    public required Type ClrType { get; init; }

    public required string Name
    {
        get;
        init
        {
            field = value;
            NameBytes = Encoding.UTF8.GetBytes(value);
        }
    }

    /// <summary>The name as a header's value.</summary>
    public byte[] NameBytes { get; private init; } = [];

    /// <summary>With the prefix.</summary>
    public required string Topic { get; init; }

    public required bool IsTopicDefault { get; init; }

    public required IEventBytesSerializer Serializer { get; init; }

    public required Func<object, string?> Key { get; init; }

    /// <summary>The identity the event itself has; <see langword="null"/> where it has none.</summary>
    public required Func<object, string?> Id { get; init; }

    /// <summary>The identity that <c>Map</c> finds in an event that came without one; <see langword="null"/> where it says nothing.</summary>
    public required Func<object, string?>? MappedId { get; init; }
}
