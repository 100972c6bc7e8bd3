using System.Collections.Concurrent;
using System.Diagnostics.Metrics;

namespace Cuckoo.EventBus.Telemetry;

/// <summary>
/// What the gauges of databases show. Of all instances of a service one asks a database, so the others show nothing of it, and
/// nothing is left standing where another asks by now. Safe for concurrent use.
/// </summary>
internal static class DatabaseGauges
{
    // Before the gauges, which may be asked as soon as they are there.
    private static readonly ConcurrentDictionary<object, Func<DatabaseStanding?>> Databases = new();

    public static readonly ObservableGauge<long> OfPending = BusMetrics.Meter.CreateObservableGauge(
        "cuckoo.eventbus.outbox.pending", () => Outboxes(standing => standing.Pending), "{event}", "Events in the outbox that are to be sent or tried again, counted up to 10,000 per lane.");

    public static readonly ObservableGauge<double> OfOldestAge = BusMetrics.Meter.CreateObservableGauge(
        "cuckoo.eventbus.outbox.oldest_age", () => Outboxes(standing => standing.OldestAge.TotalSeconds), "s", "How long the longest waiting of them has waited.");

    public static readonly ObservableGauge<long> OfDead = BusMetrics.Meter.CreateObservableGauge(
        "cuckoo.eventbus.outbox.dead", () => Outboxes(standing => standing.Dead), "{event}", "Events given up, which a person requeues or discards, counted up to 10,000.");

    public static readonly ObservableGauge<long> OfParkedKeys = BusMetrics.Meter.CreateObservableGauge(
        "cuckoo.eventbus.consumer.parked_keys", () => Parked(parked => parked.Keys), "{key}", "Keys whose records wait for another try; a record without a key counts as one. Counted up to 10,000.");

    public static readonly ObservableGauge<long> OfParkedRecords = BusMetrics.Meter.CreateObservableGauge(
        "cuckoo.eventbus.consumer.parked_records", () => Parked(parked => parked.Records), "{record}", "Records that wait for another try, or behind one that does, counted up to 10,000.");

    /// <summary>Whether anybody listens.</summary>
    public static bool Enabled => OfPending.Enabled || OfOldestAge.Enabled || OfDead.Enabled || OfParkedKeys.Enabled || OfParkedRecords.Enabled;

    /// <summary>Shows what somebody knows of a database, until it is removed.</summary>
    /// <param name="who">Who knows it.</param>
    /// <param name="standing">Asked at each collection; <see langword="null"/> while another instance is to be asked.</param>
    public static void Add(object who, Func<DatabaseStanding?> standing) => Databases[who] = standing;

    public static void Remove(object who) => Databases.TryRemove(who, out _);

    private static IEnumerable<Measurement<T>> Outboxes<T>(Func<DatabaseStanding, T> value)
        where T : struct => Standings().Select(standing => new Measurement<T>(value(standing), BusMetrics.OutboxTag(standing.Database)));

    private static IEnumerable<Measurement<long>> Parked(Func<ParkedStanding, long> value) =>
        from standing in Standings()
        from parked in standing.Parked
        select new Measurement<long>(value(parked), BusMetrics.GroupTag(parked.Group), BusMetrics.ConsumerTag(parked.Consumer));

    private static IEnumerable<DatabaseStanding> Standings() => Databases.Values.Select(ask => ask()).OfType<DatabaseStanding>();
}
