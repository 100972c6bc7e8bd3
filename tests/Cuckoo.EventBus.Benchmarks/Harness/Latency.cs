using System.Globalization;
using Cuckoo.EventBus.Benchmarks.Sides;

namespace Cuckoo.EventBus.Benchmarks.Harness;

/// <summary>How long something took in a run, in milliseconds.</summary>
internal sealed record Latency(double P50, double P99)
{
    private const double HalfATick = 0.5;

    /// <summary>A clock that differs shows as events that were appended before they were committed.</summary>
    private const double LeastPlausible = -5;

    public static Latency Of(IReadOnlyList<double> milliseconds) => new(Statistics.Percentile(milliseconds, 0.5), Statistics.Percentile(milliseconds, 0.99));

    /// <summary>From a COMMIT's return to the broker's append of the event, over all commits of a run.</summary>
    /// <remarks>
    /// The broker stamps each record with the time it appended it (LogAppendTime), on the same machine's clock: known alike for
    /// every side, at no cost while it runs. Stamps are cut to whole milliseconds; commits fall anywhere between, so half of one
    /// is added, and over thousands of them the percentiles are good to about a tenth.
    /// </remarks>
    public static async Task<Latency> OfAsync(Bench bench, Target target, IReadOnlyCollection<Commit> commits)
    {
        var records = await bench.Kafka.ReadAsync(target.ForSide.Topic, commits.Count, TimeSpan.FromMinutes(2));
        var appended = records
            .GroupBy(r => Guid.Parse(r.Headers["ce_id"]!, CultureInfo.InvariantCulture))
            .ToDictionary(g => g.Key, g => g.Min(r => r.Timestamp));
        var milliseconds = commits.Select(c => appended.TryGetValue(c.EventId, out var at)
            ? (at - c.At).TotalMilliseconds + HalfATick
            : throw new MeasureFailedException($"Event {c.EventId} was committed but is not in the topic.")).ToList();
        return Statistics.Percentile(milliseconds, 0.01) < LeastPlausible
            ? throw new MeasureFailedException("Events were appended before their commits: the broker's clock differs from this machine's.")
            : Of(milliseconds);
    }

    public override string ToString() => string.Create(CultureInfo.InvariantCulture, $"p50 {P50:0.00} ms, p99 {P99:0.00} ms");
}
