using System.Diagnostics.Metrics;
using Cuckoo.EventBus.Tests.Sample;
using OpenTelemetry;
using OpenTelemetry.Metrics;

namespace Cuckoo.EventBus.Tests.Telemetry;

/// <summary>How far a group is behind, in records and in seconds, of the partitions that the process has and of no others.</summary>
public sealed class LagGaugeTests(KafkaFixture kafka, SqliteFixture databases)
{
    [Fact]
    public async Task It_grows_while_a_handler_stands_and_is_gone_with_the_group()
    {
        var release = new TaskCompletionSource();
        await using var warehouse = await Warehouse.OpenAsync(kafka, databases, script: script => script[Warehouse.Ship] = async h =>
        {
            await release.Task;
            h.AddEffect();
        });
        using var gauges = new Gauges(warehouse.Service.Name, warehouse.Bus.Prefix + Topics.Orders);

        foreach (var number in Enumerable.Range(1, 5))
        {
            await warehouse.SendAsync(new OrderPlaced("a", number), partition: 0);
        }

        await Eventually.Equal(5, () => gauges.Read("cuckoo.eventbus.consumer.lag").GetValueOrDefault("0"));
        await Eventually.True(() => gauges.Read("cuckoo.eventbus.consumer.lag_time").GetValueOrDefault("0") > 1);
        release.SetResult();
        await Eventually.Equal((0, 0), () => (gauges.Read("cuckoo.eventbus.consumer.lag").GetValueOrDefault("0", -1), gauges.Read("cuckoo.eventbus.consumer.lag_time").GetValueOrDefault("0", -1)));
        await warehouse.Service.StopAsync();
        Assert.Empty(gauges.Read("cuckoo.eventbus.consumer.lag"));
        Assert.Empty(gauges.Read("cuckoo.eventbus.consumer.lag_time"));
    }

    [Fact]
    public async Task OpenTelemetrys_SDK_exports_nothing_either_of_a_group_that_is_gone()
    {
        await using var warehouse = await Warehouse.OpenAsync(kafka, databases);
        using var exporter = new Exporter(warehouse.Service.Name);
        using var provider = Sdk.CreateMeterProviderBuilder().AddCuckooEventBusInstrumentation().AddReader(new BaseExportingMetricReader(exporter)).Build();
        await warehouse.SendAsync(new OrderPlaced("a", 1), partition: 0);
        await Eventually.True(() => provider.ForceFlush() && exporter.Partitions.Contains("0"));

        await warehouse.Service.StopAsync();
        provider.ForceFlush();

        Assert.Empty(exporter.Partitions);
    }

    /// <summary>Keeps of each export the partitions that one group has a lag of.</summary>
    private sealed class Exporter(string group) : BaseExporter<Metric>
    {
        public HashSet<string> Partitions { get; private set; } = [];

        public override ExportResult Export(in Batch<Metric> batch)
        {
            var partitions = new HashSet<string>();
            foreach (var metric in batch)
            {
                foreach (ref readonly var point in metric.GetMetricPoints())
                {
                    var tags = new Dictionary<string, string>();
                    foreach (var tag in point.Tags)
                    {
                        tags[tag.Key] = $"{tag.Value}";
                    }

                    if (metric.Name == "cuckoo.eventbus.consumer.lag" && tags["messaging.consumer.group.name"] == group)
                    {
                        partitions.Add(tags["messaging.destination.partition.id"]);
                    }
                }
            }

            Partitions = partitions;
            return ExportResult.Success;
        }
    }

    /// <summary>What is shown of one group and topic.</summary>
    private sealed class Gauges : IDisposable
    {
        private readonly MeterListener _listener = new();
        private readonly Lock _lock = new();
        private readonly List<(string Name, string Partition, double Value)> _shown = [];

        public Gauges(string group, string topic)
        {
            _listener.InstrumentPublished = (instrument, listener) =>
            {
                if (instrument.Name is "cuckoo.eventbus.consumer.lag" or "cuckoo.eventbus.consumer.lag_time")
                {
                    listener.EnableMeasurementEvents(instrument);
                }
            };
            _listener.SetMeasurementEventCallback<long>((instrument, value, tags, _) => Show(instrument, value, tags));
            _listener.SetMeasurementEventCallback<double>((instrument, value, tags, _) => Show(instrument, value, tags));
            _listener.Start();

            void Show(Instrument instrument, double value, ReadOnlySpan<KeyValuePair<string, object?>> tags)
            {
                var all = tags.ToArray().ToDictionary(tag => tag.Key, tag => $"{tag.Value}");
                if (all["messaging.consumer.group.name"] == group && all["messaging.destination.name"] == topic)
                {
                    _shown.Add((instrument.Name, all["messaging.destination.partition.id"], value));
                }
            }
        }

        /// <summary>By partition.</summary>
        public Dictionary<string, double> Read(string name)
        {
            lock (_lock)
            {
                _shown.Clear();
                _listener.RecordObservableInstruments();
                return _shown.Where(each => each.Name == name).ToDictionary(each => each.Partition, each => each.Value);
            }
        }

        public void Dispose() => _listener.Dispose();
    }
}
