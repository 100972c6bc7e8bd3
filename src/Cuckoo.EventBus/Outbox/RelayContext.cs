using Cuckoo.EventBus.Kafka;
using Cuckoo.EventBus.Storage;
using Microsoft.Extensions.Logging;

namespace Cuckoo.EventBus.Outbox;

/// <summary>What the drains of one relay share. Safe for concurrent use.</summary>
internal sealed class RelayContext(EventBusDatabase database, RelayOptions options, RecordProducer producer, RecordProducer lonelyProducer, string owner, TimeProvider time, ILogger logger)
    : IDisposable
{
    private int _limit = options.BatchSize;

    public EventBusDatabase Database => database;

    public LaneSql Sql { get; } = new(database.Layout);

    public RelayOptions Options => options;

    /// <summary>The relay's own: what it sends depends on how this producer fails.</summary>
    public RecordProducer Producer => producer;

    /// <summary>One record per batch.</summary>
    public RecordProducer LonelyProducer => lonelyProducer;

    public string Owner => owner;

    public TimeProvider Time => time;

    public ILogger Logger => logger;

    /// <summary>The connections of drains, as many as lanes may be drained at once.</summary>
    public SessionSlots Slots { get; } = new(database, options.Concurrency);

    /// <summary>The connection of leases, which must wait neither for a drain nor for a sweep to end.</summary>
    public SessionSlots Aside { get; } = new(database, 1);

    /// <summary>The connection of sweeps.</summary>
    public SessionSlots Sweeps { get; } = new(database, 1);

    /// <summary>How many rows to read, so that rows of the size seen last do not bring far more than a read keeps.</summary>
    public int Limit => Volatile.Read(ref _limit);

    public void Learn(LaneRead read) =>
        Volatile.Write(ref _limit, (int)Math.Clamp(options.BatchBytes / Math.Max(1, read.Bytes / read.Rows.Count), 1, options.BatchSize));

    /// <summary>Closes the connections that nobody uses now.</summary>
    public async Task CloseIdleAsync()
    {
        await Slots.CloseIdleAsync().ConfigureAwait(false);
        await Aside.CloseIdleAsync().ConfigureAwait(false);
        await Sweeps.CloseIdleAsync().ConfigureAwait(false);
    }

    public void Dispose()
    {
        Slots.Dispose();
        Aside.Dispose();
        Sweeps.Dispose();
        producer.Dispose();
        lonelyProducer.Dispose();
    }
}
