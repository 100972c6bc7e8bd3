using System.Globalization;
using Cuckoo.EventBus.Benchmarks.Sides;

namespace Cuckoo.EventBus.Benchmarks.Measures;

/// <summary>Records per second, and what each takes of the process.</summary>
internal sealed record ConsumeCost(double Rate, double Bytes, double ProcessorMicroseconds)
{
    public static ConsumeCost Of(SideResult result) => new(
        result.Pieces / result.Seconds, (double)result.AllocatedBytes / result.Pieces, result.ProcessorSeconds * 1e6 / result.Pieces);

    public override string ToString() =>
        string.Create(CultureInfo.InvariantCulture, $"{Rate:#,0} records/s, {Bytes:#,0} B and {ProcessorMicroseconds:0.00} µs of processor each");
}
