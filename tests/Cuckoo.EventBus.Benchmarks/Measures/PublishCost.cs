using System.Globalization;

namespace Cuckoo.EventBus.Benchmarks.Measures;

/// <summary>Events per second, and bytes allocated for each.</summary>
internal sealed record PublishCost(double Rate, double Bytes)
{
    public override string ToString() => string.Create(CultureInfo.InvariantCulture, $"{Rate:#,0} events/s, {Bytes:#,0} B each");
}
