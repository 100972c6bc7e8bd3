using System.Collections.Concurrent;
using System.Diagnostics.Metrics;
using Cuckoo.EventBus.Telemetry;

namespace Cuckoo.EventBus.Consuming;

/// <summary>
/// What the gauges of consumers show. They are asked when somebody collects: nothing is left standing of a partition that another
/// process has by now, and nothing is measured for nobody. Safe for concurrent use.
/// </summary>
internal static class ConsumerGauges
{
    // Before the gauges, which may be asked as soon as they are there.
    private static readonly ConcurrentDictionary<GroupStatus, bool> Groups = new();

    public static readonly ObservableGauge<long> OfLag = BusMetrics.Meter.CreateObservableGauge(
        "cuckoo.eventbus.consumer.lag", Lag, "{record}", "Records of a partition that are not finished, of the partitions that this process has.");

    public static readonly ObservableGauge<double> OfLagTime = BusMetrics.Meter.CreateObservableGauge(
        "cuckoo.eventbus.consumer.lag_time", LagTime, "s", "Age of the oldest record of a partition that is not finished, of the partitions that this process has.");

    /// <summary>Shows a group's member until it is removed.</summary>
    public static void Add(GroupStatus group) => Groups[group] = true;

    public static void Remove(GroupStatus group) => Groups.TryRemove(group, out _);

    private static IEnumerable<Measurement<long>> Lag() =>
        Partitions().Where(each => each.State.Lag is not null).Select(each => new Measurement<long>(each.State.Lag!.Value, Tags(each.Group, each.State)));

    private static IEnumerable<Measurement<double>> LagTime() =>
        Partitions().Select(each => new Measurement<double>(each.State.LagTime.TotalSeconds, Tags(each.Group, each.State)));

    private static IEnumerable<(GroupStatus Group, PartitionState State)> Partitions() => Groups.Keys.SelectMany(group => group.Partitions.Select(state => (group, state)));

    private static KeyValuePair<string, object?>[] Tags(GroupStatus group, PartitionState state) =>
    [
        new("messaging.system", "kafka"),
        BusMetrics.GroupTag(group.Group),
        new("messaging.destination.name", state.Id.Topic),
        new("messaging.destination.partition.id", state.Id.Partition.ToString(System.Globalization.CultureInfo.InvariantCulture)),
    ];
}
