using Cuckoo.EventBus.Inbox;
using Cuckoo.EventBus.Kafka;
using Cuckoo.EventBus.Telemetry;
using Cuckoo.EventBus.Wire;
using Microsoft.Extensions.Logging;

namespace Cuckoo.EventBus.Retrying;

/// <summary>One consumer's parked records. Returns when what it was asked is durable, however long the database is away.</summary>
internal sealed class Parking(ConsumerSettings consumer, RetryStore store, Persistence persistence, ILogger<Parking> logger)
{
    public RetryStore Store => store;

    /// <summary>Parks a record that failed.</summary>
    /// <returns><see langword="null"/> if it is parked now; otherwise the outcome that stood already.</returns>
    public async Task<InboxOutcome?> ParkAsync(IncomingEvent incoming, InboxKey key, Failure failure, TimeSpan delay, CancellationToken ct)
    {
        var standing = await PersistAsync(token => store.ParkAsync(incoming, key, failure, delay, token), ct).ConfigureAwait(false);
        if (standing is null)
        {
            ProcessSpan.Ended("parked");
            RetryingLog.Parked(logger, failure.Exception, consumer.Name, failure.Attempts, delay);
        }

        return standing;
    }

    /// <summary>Parks a record whose key waits already.</summary>
    public async Task ParkBehindAsync(IncomingEvent incoming, InboxKey key, CancellationToken ct)
    {
        if (await PersistAsync(token => store.ParkAsync(incoming, key, failure: null, delay: null, token), ct).ConfigureAwait(false) is null)
        {
            ProcessSpan.Ended("parked");
            RetryingLog.ParkedBehind(logger, consumer.Name);
        }
        else
        {
            BusMetrics.Duplicates.Add(1, BusMetrics.GroupTag(consumer.Group), BusMetrics.ConsumerTag(consumer.Name));
        }
    }

    /// <inheritdoc cref="RetryStore.FirstAsync"/>
    public Task<ParkedRow?> FirstAsync(DueRow due, CancellationToken ct) => PersistAsync(token => store.FirstAsync(consumer.Group, due, token), ct);

    /// <inheritdoc cref="RetryStore.HoldsAsync"/>
    public Task<bool> HoldsAsync(InboxKey inboxKey, PartitionId partition, byte[] key, CancellationToken ct) =>
        PersistAsync(token => store.HoldsAsync(inboxKey, partition, key, token), ct);

    /// <inheritdoc cref="RetryStore.QueueAsync"/>
    public Task QueueAsync(ParkedRow first, CancellationToken ct) => PersistAsync(token => store.QueueAsync(first, token), ct);

    /// <inheritdoc cref="RetryStore.SettleAsync"/>
    public Task SettleAsync(ParkedRow row, CancellationToken ct) => PersistAsync(token => store.SettleAsync(row, InboxOutcome.Done, token), ct);

    /// <summary>Has a parked record tried again later.</summary>
    public async Task RescheduleAsync(ParkedRow row, Failure failure, TimeSpan delay, CancellationToken ct)
    {
        await PersistAsync(token => store.RescheduleAsync(row, failure, delay, token), ct).ConfigureAwait(false);
        ProcessSpan.Ended("parked");
        RetryingLog.StaysParked(logger, failure.Exception, consumer.Name, failure.Attempts, delay);
    }

    private Task<bool> PersistAsync(Func<CancellationToken, Task> run, CancellationToken ct) => PersistAsync(
        async token =>
        {
            await run(token).ConfigureAwait(false);
            return true;
        },
        ct);

    private Task<T> PersistAsync<T>(Func<CancellationToken, Task<T>> run, CancellationToken ct) =>
        persistence.RunAsync(run, e => RetryingLog.NotStored(logger, e, consumer.Name), ct);
}
