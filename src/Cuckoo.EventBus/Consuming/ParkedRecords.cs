using System.Collections.Concurrent;
using Cuckoo.EventBus.Kafka;
using Cuckoo.EventBus.Retrying;
using Microsoft.Extensions.Logging;

namespace Cuckoo.EventBus.Consuming;

/// <summary>
/// Brings one group's parked records of one database to their lanes: before a newly assigned partition is fed, the keys that are
/// parked; then, once a second, the rows that are due. Rows that people put there, in another process, are found the same way.
/// </summary>
internal sealed class ParkedRecords(
    string group, RetryStore store, AwaitedTypes awaited, IReadOnlyList<ConsumerPipeline> consumers, string database, Persistence persistence, TimeProvider time, ILogger<ParkedRecords> logger)
{
    /// <summary>How late a due row may be tried; an idle group costs as many statements.</summary>
    private static readonly TimeSpan Interval = TimeSpan.FromSeconds(1);

    /// <summary>When more may be due than is under way.</summary>
    private static readonly TimeSpan ShortInterval = TimeSpan.FromMilliseconds(100);

    /// <summary>
    /// Keys of one consumer in its lanes, at least: enough to keep its handlers busy, and few beside the records that wait there, so
    /// that while there are many of these the attempts of thousands of parked keys take little from them. The rest keeps its turn.
    /// </summary>
    private const int LeastUnderWay = 256;

    private readonly Share[] _shares = [.. consumers.Select(consumer => new Share(consumer))];
    private readonly ConcurrentDictionary<PartitionId, PartitionAssignment> _assignments = new();

    /// <summary>By key: its rows are due one after the other, and it is in its lane once, however many there are.</summary>
    private readonly ConcurrentDictionary<(PartitionId Partition, ParkedKey Key, long KeylessId), Share> _underWay = new();

    /// <summary>Reads which keys are parked, for as long as it takes.</summary>
    /// <exception cref="OperationCanceledException">The partition was given up before.</exception>
    public async Task LoadAsync(PartitionAssignment assignment)
    {
        var keys = await persistence.RunAsync(
            async token =>
            {
                await awaited.LookAgainAsync(assignment.Id, token).ConfigureAwait(false);
                return await store.KeysAsync(group, assignment.Id, token).ConfigureAwait(false);
            },
            e => RetryingLog.SweepFailed(logger, e, database),
            assignment.Lease.Ending).ConfigureAwait(false);
        foreach (var key in keys)
        {
            assignment.Parked.Add(key.Consumer, key.Key);
        }

        if (keys.Count > 0)
        {
            RetryingLog.Loaded(logger, assignment.Id, group, keys.Count);
        }

        // What was read just before it was given up must not hide an assignment that followed.
        _assignments.AddOrUpdate(assignment.Id, assignment, (_, current) => assignment.Lease.Ending.IsCancellationRequested ? current : assignment);
    }

    /// <summary>Hands out what is due until it is stopped. It does not throw.</summary>
    public async Task RunAsync(Action<ParkedWork> handOut, CancellationToken ct)
    {
        var pause = Interval;
        while (!ct.IsCancellationRequested)
        {
            await Task.Delay(pause, time, ct).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            try
            {
                pause = await SweepAsync(handOut, ct).ConfigureAwait(false) ? ShortInterval : Interval;
            }
            catch (Exception) when (ct.IsCancellationRequested)
            {
                // Stopped.
            }
            catch (Exception e)
            {
                RetryingLog.SweepFailed(logger, e, database);
                pause = Interval;
            }
        }
    }

    /// <summary>The key, or the row without one, is no longer in a lane: the next sweep may hand it out again.</summary>
    public void Done(DueRow due)
    {
        if (_underWay.TryRemove(Place(due), out var share))
        {
            share.Leave();
        }
    }

    private static (PartitionId Partition, ParkedKey Key, long KeylessId) Place(DueRow due) =>
        (due.Partition, new ParkedKey(due.Consumer, due.Key ?? []), due.Key is null ? due.Id : 0);

    /// <returns>Whether there may be more.</returns>
    private async Task<bool> SweepAsync(Action<ParkedWork> handOut, CancellationToken ct)
    {
        foreach (var (partition, assignment) in _assignments)
        {
            if (assignment.Lease.Ending.IsCancellationRequested)
            {
                _assignments.TryRemove(KeyValuePair.Create(partition, assignment));
            }
        }

        if (_assignments.IsEmpty)
        {
            return false;
        }

        var isMore = false;
        var open = _shares.Where(share => share.IsHalfEmpty).ToDictionary(share => share.Consumer.Consumer.Name, StringComparer.Ordinal);
        if (open.Count > 0)
        {
            // Half of these may be what is under way: it is due longest.
            var limit = open.Values.Sum(share => share.Size);
            var due = await store.DueAsync(group, open.Keys, [.. _assignments.Keys], limit, ct).ConfigureAwait(false);
            isMore = due.Count == limit;
            foreach (var row in due)
            {
                var share = open[row.Consumer];
                if (share.HasRoom && _assignments.TryGetValue(row.Partition, out var assignment) && _underWay.TryAdd(Place(row), share))
                {
                    share.Enter();
                    handOut(new ParkedWork(row, assignment, share.Consumer, this));
                }
            }
        }

        return isMore || Array.Exists(_shares, share => !share.IsHalfEmpty && !share.Consumer.IsPaused);
    }

    /// <summary>How many keys of a consumer are under way. One thread hands out; any number is done.</summary>
    private sealed class Share(ConsumerPipeline consumer)
    {
        private int _underWay;

        public ConsumerPipeline Consumer => consumer;

        public int Size { get; } = Math.Max(LeastUnderWay, consumer.Consumer.Options.Concurrency);

        public bool HasRoom => Volatile.Read(ref _underWay) < Size;

        /// <summary>Whether it is worth a question what is due, for which the server sorts all of it.</summary>
        public bool IsHalfEmpty => Volatile.Read(ref _underWay) <= Size / 2;

        public void Enter() => Interlocked.Increment(ref _underWay);

        public void Leave() => Interlocked.Decrement(ref _underWay);
    }
}
