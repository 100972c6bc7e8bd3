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

    /// <summary>When more is due than one sweep takes.</summary>
    private static readonly TimeSpan ShortInterval = TimeSpan.FromMilliseconds(100);

    /// <summary>Rows of one sweep. Their lanes take seconds for so many, and the rest keeps its turn.</summary>
    private const int SweepLimit = 1000;

    private readonly Dictionary<string, ConsumerPipeline> _consumers = consumers.ToDictionary(consumer => consumer.Consumer.Name, StringComparer.Ordinal);
    private readonly ConcurrentDictionary<PartitionId, PartitionAssignment> _assignments = new();

    /// <summary>By key: its rows are due one after the other, and it is in its lane once, however many there are.</summary>
    private readonly ConcurrentDictionary<(PartitionId Partition, ParkedKey Key, long KeylessId), bool> _underWay = new();

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
    public void Done(DueRow due) => _underWay.TryRemove(Place(due), out _);

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

        var due = await store.DueAsync(group, _consumers.Keys, [.. _assignments.Keys], SweepLimit, ct).ConfigureAwait(false);
        foreach (var row in due)
        {
            if (_assignments.TryGetValue(row.Partition, out var assignment) && _underWay.TryAdd(Place(row), true))
            {
                handOut(new ParkedWork(row, assignment, _consumers[row.Consumer], this));
            }
        }

        return due.Count == SweepLimit;
    }
}
