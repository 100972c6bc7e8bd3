using System.Globalization;
using Cuckoo.EventBus.Benchmarks.Sides;

namespace Cuckoo.EventBus.Benchmarks.Measures;

/// <summary>Events per second, and what each takes of the process.</summary>
internal sealed record PublishCost(double Rate, double Bytes, double ProcessorMicroseconds)
{
    public static PublishCost Of(IReadOnlyCollection<SideResult> turns, int events) => new(
        events / turns.Sum(turn => turn.Seconds), (double)turns.Sum(turn => turn.AllocatedBytes) / events, turns.Sum(turn => turn.ProcessorSeconds) * 1e6 / events);

    public override string ToString() =>
        string.Create(CultureInfo.InvariantCulture, $"{Rate:#,0} events/s, {Bytes:#,0} B and {ProcessorMicroseconds:0.00} µs of processor each");
}
