using System.Collections.Concurrent;
using System.Diagnostics.Metrics;

namespace Cuckoo.EventBus.Fuzz;

/// <summary>What the bus says it did, by its own metrics, and what its handlers saw. Safe for concurrent use.</summary>
internal sealed class Tally : IDisposable
{
    private readonly MeterListener _listener = new();
    private readonly ConcurrentDictionary<(string Instrument, string? Who), long> _sums = new();
    private readonly ConcurrentDictionary<(string Topic, int Partition, long Offset), int> _handled = new();

    public Tally()
    {
        _listener.InstrumentPublished = static (instrument, listener) =>
        {
            if (instrument.Meter.Name == "Cuckoo.EventBus" && instrument is Counter<long>)
            {
                listener.EnableMeasurementEvents(instrument);
            }
        };
        _listener.SetMeasurementEventCallback<long>((instrument, value, tags, _) =>
        {
            string? consumer = null, group = null;
            foreach (var tag in tags)
            {
                consumer = tag.Key == "cuckoo.eventbus.consumer" ? tag.Value as string : consumer;
                group = tag.Key == "messaging.consumer.group.name" ? tag.Value as string : group;
            }

            _sums.AddOrUpdate((instrument.Name, consumer ?? group), static (_, added) => added, static (_, sum, added) => sum + added, value);
        });
        _listener.Start();
    }

    /// <summary>Records that the consumer without a database handled, and how often.</summary>
    public IReadOnlyDictionary<(string Topic, int Partition, long Offset), int> HandledRecords => _handled;

    public void Handled(string topic, int partition, long offset) => _handled.AddOrUpdate((topic, partition, offset), 1, static (_, times) => times + 1);

    /// <summary>A counter's sum for a consumer, or where it knows none, for a group.</summary>
    public long Sum(string instrument, string who) => _sums.GetValueOrDefault((instrument, who));

    public void Dispose() => _listener.Dispose();
}
