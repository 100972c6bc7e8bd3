using System.Collections.Concurrent;
using System.Diagnostics.Metrics;

namespace Cuckoo.EventBus.Conformance;

/// <summary>The sums of one counter of the bus, by the consumer group that its measurements name.</summary>
internal sealed class CountedMeasurements : IDisposable
{
    private readonly ConcurrentDictionary<string, long> _sums = new();
    private readonly MeterListener _listener = new();

    public CountedMeasurements(string counter)
    {
        _listener.InstrumentPublished = (instrument, listener) =>
        {
            if (instrument.Meter.Name == "Cuckoo.EventBus" && instrument.Name == counter)
            {
                listener.EnableMeasurementEvents(instrument);
            }
        };
        _listener.SetMeasurementEventCallback<long>((_, value, tags, _) =>
        {
            foreach (var (name, tag) in tags)
            {
                if (name == "messaging.consumer.group.name")
                {
                    _sums.AddOrUpdate($"{tag}", value, (_, sum) => sum + value);
                }
            }
        });
        _listener.Start();
    }

    public long Of(string group) => _sums.GetValueOrDefault(group);

    public void Dispose() => _listener.Dispose();
}
