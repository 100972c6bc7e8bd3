using System.Globalization;

namespace Cuckoo.EventBus.Benchmarks.Measures;

/// <summary>What a transaction takes, in microseconds: the median of one writer, and the clock's share of several at once.</summary>
internal sealed record WriteTimes(double Single, double Busy)
{
    public override string ToString() => string.Create(CultureInfo.InvariantCulture, $"{Single:0} µs alone, {Busy:0} µs each of several");
}
