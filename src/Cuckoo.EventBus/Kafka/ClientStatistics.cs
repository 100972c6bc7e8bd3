using System.Collections.Concurrent;
using System.Diagnostics.Metrics;
using System.Globalization;
using System.Text.Json;
using Confluent.Kafka;
using Cuckoo.EventBus.Telemetry;

namespace Cuckoo.EventBus.Kafka;

/// <summary>
/// What librdkafka's own statistics say of brokers and queues, where the user has it collect them (<c>statistics.interval.ms</c>). The
/// binding makes one string of them, 64 kB and more of it with many partitions, which is why nobody else has them collected. What is
/// not told again is shown for three intervals. Safe for concurrent use.
/// </summary>
internal static class ClientStatistics
{
    private const string Interval = "statistics.interval.ms";

    // By the client's name, which no other client of the process has. Before the gauges, which may be asked as soon as they are there.
    private static readonly ConcurrentDictionary<string, Report> Reports = new(StringComparer.Ordinal);

    public static readonly ObservableGauge<double> OfRoundTrip = BusMetrics.Meter.CreateObservableGauge(
        "cuckoo.eventbus.client.rtt", () => Brokers(broker => broker.RoundTrip), "s", "Time from a request to a broker until its answer, the 99th percentile of an interval.");

    public static readonly ObservableGauge<double> OfThrottle = BusMetrics.Meter.CreateObservableGauge(
        "cuckoo.eventbus.client.throttle", () => Brokers(broker => broker.Throttle), "s", "How long a broker delays its answers because of a quota, the average of an interval.");

    public static readonly ObservableGauge<long> OfQueue = BusMetrics.Meter.CreateObservableGauge(
        "cuckoo.eventbus.client.queue", Queues, "{record}", "Records in the clients' queues: of producers until the broker's answer.");

    /// <summary>How often the settings have statistics collected; <see langword="null"/> if they do not.</summary>
    public static TimeSpan? IntervalOf(Config settings) =>
        int.TryParse(settings.Get(Interval), CultureInfo.InvariantCulture, out var interval) && interval > 0 ? TimeSpan.FromMilliseconds(interval) : null;

    /// <summary>Takes what one client says.</summary>
    /// <param name="client">The client's name.</param>
    /// <param name="json">Its statistics, by librdkafka's STATISTICS.md.</param>
    /// <param name="interval">When it says more.</param>
    /// <param name="time">The clock.</param>
    public static void Take(string client, string json, TimeSpan interval, TimeProvider time)
    {
        using var document = JsonDocument.Parse(json);
        var said = document.RootElement;
        var brokers = new List<Broker>();
        foreach (var broker in said.GetProperty("brokers").EnumerateObject())
        {
            // The others are addresses to begin with, and the coordinator, which is one of these too.
            if (broker.Value.GetProperty("nodeid").GetInt32() is >= 0 and var id)
            {
                // In microseconds and in milliseconds.
                brokers.Add(new Broker(id, broker.Value.GetProperty("rtt").GetProperty("p99").GetDouble() / 1e6, broker.Value.GetProperty("throttle").GetProperty("avg").GetDouble() / 1e3));
            }
        }

        var until = time.GetUtcNow() + (3 * interval);
        Reports[client] = new Report(said.GetProperty("type").GetString() ?? "", said.GetProperty("msg_cnt").GetInt64(), brokers, until, time);
        foreach (var (other, report) in Reports)
        {
            // Of a client that is gone, or is asked no more.
            if (!report.IsFresh)
            {
                Reports.TryRemove(new(other, report));
            }
        }
    }

    /// <summary>Of several clients of a kind the worst: who has several has them on the same network.</summary>
    private static IEnumerable<Measurement<double>> Brokers(Func<Broker, double> value) =>
        from report in Fresh()
        from broker in report.Brokers
        group value(broker) by (report.Kind, broker.Id) into each
        select new Measurement<double>(each.Max(), Kind(each.Key.Kind), new("cuckoo.eventbus.broker", each.Key.Id.ToString(CultureInfo.InvariantCulture)));

    private static IEnumerable<Measurement<long>> Queues() =>
        from report in Fresh()
        group report.Queue by report.Kind into each
        select new Measurement<long>(each.Sum(), Kind(each.Key));

    private static IEnumerable<Report> Fresh() => Reports.Values.Where(report => report.IsFresh);

    private static KeyValuePair<string, object?> Kind(string kind) => new("cuckoo.eventbus.client", kind);

    private sealed record Report(string Kind, long Queue, IReadOnlyList<Broker> Brokers, DateTimeOffset Until, TimeProvider Time)
    {
        public bool IsFresh => Time.GetUtcNow() <= Until;
    }

    private readonly record struct Broker(int Id, double RoundTrip, double Throttle);
}
