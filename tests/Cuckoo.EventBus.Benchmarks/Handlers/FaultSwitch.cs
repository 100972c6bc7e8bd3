using System.Collections.Concurrent;
using Cuckoo.EventBus.Benchmarks.Sample;

namespace Cuckoo.EventBus.Benchmarks.Handlers;

/// <summary>Whether events of faulty keys fail, and whether those that do not are in their order.</summary>
internal sealed class FaultSwitch
{
    /// <summary>How faulty keys begin.</summary>
    public const string Prefix = "faulty-";

    private readonly ConcurrentDictionary<string, long> _last = new();
    private int _reordered;

    public bool IsOn { get; set; } = true;

    /// <summary>How many events came after a later one of their key.</summary>
    public int Reordered => _reordered;

    /// <returns>Whether the event is of a faulty key.</returns>
    public bool Pass(BenchEvent e)
    {
        if (!e.Key.StartsWith(Prefix, StringComparison.Ordinal))
        {
            return false;
        }

        if (IsOn)
        {
            throw new FaultException();
        }

        if (_last.TryGetValue(e.Key, out var last) && last > e.Number)
        {
            Interlocked.Increment(ref _reordered);
        }

        _last[e.Key] = e.Number;
        return true;
    }
}
