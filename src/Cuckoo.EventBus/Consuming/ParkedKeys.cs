using System.Collections.Concurrent;
using Cuckoo.EventBus.Retrying;

namespace Cuckoo.EventBus.Consuming;

/// <summary>
/// The keys of one assigned partition whose records are parked rather than run. Invariant: of one key at one consumer only one lane asks,
/// adds and removes (the key's, or a batch consumer's of the partition), so what it decides by the answer still holds when it acts.
/// Safe for concurrent use by different lanes.
/// </summary>
internal sealed class ParkedKeys
{
    private readonly ConcurrentDictionary<ParkedKey, bool> _keys = new();
    private volatile bool _isUsed;

    /// <summary>How many there are.</summary>
    public int Count => _keys.Count;

    public bool Holds(string consumer, byte[]? key) => _isUsed && key is not null && _keys.ContainsKey(new ParkedKey(consumer, key));

    public void Add(string consumer, byte[] key)
    {
        _keys[new ParkedKey(consumer, key)] = true;
        _isUsed = true;
    }

    public void Remove(string consumer, byte[] key) => _keys.TryRemove(new ParkedKey(consumer, key), out _);
}
