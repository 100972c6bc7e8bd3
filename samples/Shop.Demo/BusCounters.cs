using System.Collections.Concurrent;
using System.Diagnostics.Metrics;

namespace Shop.Demo;

/// <summary>The bus's counters, summed over this process: what a metrics exporter would see.</summary>
internal sealed class BusCounters : IDisposable
{
    private readonly ConcurrentDictionary<string, long> _sums = new();
    private readonly MeterListener _listener = new();

    public BusCounters()
    {
        _listener.InstrumentPublished = (instrument, listener) =>
        {
            if (instrument.Meter.Name == "Cuckoo.EventBus")
            {
                listener.EnableMeasurementEvents(instrument);
            }
        };
        _listener.SetMeasurementEventCallback<long>((instrument, value, _, _) => _sums.AddOrUpdate(instrument.Name, value, (_, sum) => sum + value));
        _listener.Start();
    }

    public long Retries => _sums.GetValueOrDefault("cuckoo.eventbus.consumer.retries");

    public long Duplicates => _sums.GetValueOrDefault("cuckoo.eventbus.consumer.duplicates");

    public void Dispose() => _listener.Dispose();
}
