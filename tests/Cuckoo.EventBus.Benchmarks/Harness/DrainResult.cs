using System.Globalization;

namespace Cuckoo.EventBus.Benchmarks.Harness;

/// <summary>How a drain went.</summary>
/// <param name="Samples">From the first rows that were seen in the topic to the end.</param>
/// <param name="Repeats">Records beyond one per row.</param>
internal sealed record DrainResult(IReadOnlyList<DrainSample> Samples, long Repeats)
{
    /// <summary>Rows per second from the first that were seen to the end: without connecting, which is the same for a row and for a million.</summary>
    public double Rate => Between(Samples[0], Samples[^1]);

    /// <summary>Rows per second of a part of the drain, from one share of all rows to another.</summary>
    public double RateBetween(double from, double to)
    {
        var total = Samples[^1].Count;
        return Between(Samples.First(s => s.Count >= from * total), Samples.First(s => s.Count >= to * total));
    }

    public override string ToString() => string.Create(CultureInfo.InvariantCulture, $"{Rate:#,0} rows/s{(Repeats > 0 ? $", {Repeats} sent twice" : "")}");

    private static double Between(DrainSample a, DrainSample b) => b.At > a.At
        ? (b.Count - a.Count) / (b.At - a.At).TotalSeconds
        : throw new MeasureFailedException("The drain was too short to be measured: more rows are needed.");
}
