using Cuckoo.EventBus.Inbox;
using Cuckoo.EventBus.Kafka;
using Microsoft.Extensions.Logging;

namespace Cuckoo.EventBus.Consuming;

/// <summary>
/// Keeps a group from starting anew without a word when Kafka has forgotten its positions: it committed none that are left, yet an
/// inbox shows that it worked before. From the beginning it would repeat what the inbox may have forgotten, from the end it would
/// lose what came meanwhile; which of the two is right, only a person knows. A group without a database can't be told from a new one.
/// </summary>
/// <param name="status">Says that it is held.</param>
/// <param name="inboxes">Those of the group's consumers.</param>
/// <param name="offsets">Its positions.</param>
/// <param name="inboxRetention">How long the inboxes remember.</param>
/// <param name="time">The clock.</param>
/// <param name="logger">The log.</param>
#pragma warning disable CA1001 // It lives as long as the group, and without a wait handle the semaphore holds nothing to free.
internal sealed class LostOffsets(
    GroupStatus status, IReadOnlyList<InboxStore> inboxes, GroupOffsets offsets, TimeSpan inboxRetention, TimeProvider time, ILogger<LostOffsets> logger)
#pragma warning restore CA1001
{
    /// <summary>Within a day a new group may have been killed before its first commit, and begins where it began.</summary>
    private static readonly TimeSpan ADay = TimeSpan.FromDays(1);

    /// <summary>Positions may also be committed by another process of the service, or by Kafka's own tools.</summary>
    private static readonly TimeSpan LookInterval = TimeSpan.FromSeconds(5);

    private readonly SemaphoreSlim _looksAgain = new(0);

    /// <summary>Completes when the group may ask for partitions.</summary>
    /// <exception cref="OperationCanceledException">The group is stopped.</exception>
    public async Task WaitAsync(CancellationToken ct)
    {
        if (inboxes.Count == 0)
        {
            return;
        }

        while (true)
        {
            // The inbox first: mostly it is near, and a new group has nothing there.
            var hasWorked = await AskAsync(HasWorkedAsync, ct).ConfigureAwait(false);
            var hasPosition = hasWorked is false ? null : await AskAsync(offsets.AnyAsync, ct).ConfigureAwait(false);
            if (hasWorked is false || hasPosition is true)
            {
                if (status.HeldBecause is not null)
                {
                    LostOffsetsLog.Released(logger, status.Group);
                    status.Release();
                }

                return;
            }

            if (hasWorked is true && hasPosition is false && status.HeldBecause is null)
            {
                var reason = $"Kafka has no committed position of group '{status.Group}' (offsets.retention.minutes passed while it was away, they were deleted, or this is another cluster), but its inbox shows earlier work. Nothing is read until someone chooses where to start, by IConsumerAdministration.StartGroupAsync or kafka-consumer-groups.sh --reset-offsets.";
                status.Hold(reason);
                LostOffsetsLog.Held(logger, reason);
            }

            await _looksAgain.WaitAsync(LookInterval, ct).ConfigureAwait(false);
        }
    }

    /// <summary>Commits where the group starts, here and in every other process.</summary>
    /// <exception cref="EventBusException">It isn't held, or Kafka refused.</exception>
    public async Task ReleaseAsync(StartFrom startFrom, DateTimeOffset? at, CancellationToken ct)
    {
        if (status.HeldBecause is null)
        {
            throw new EventBusException($"Group '{status.Group}' is not held: it has committed positions, or is new. To move those, stop all of its instances and use kafka-consumer-groups.sh --reset-offsets.");
        }

        await offsets.SetAsync(startFrom, at, ct).ConfigureAwait(false);
        LostOffsetsLog.StartChosen(logger, status.Group, at is { } t ? $"{t:O}" : startFrom.ToString());
        _looksAgain.Release();
    }

    private async Task<bool> HasWorkedAsync()
    {
        var before = time.GetUtcNow() - (inboxRetention / 2 < ADay ? inboxRetention / 2 : ADay);
        foreach (var inbox in inboxes)
        {
            if (await inbox.HasDecidedAsync(status.Group, before, CancellationToken.None).ConfigureAwait(false))
            {
                return true;
            }
        }

        return false;
    }

    /// <returns><see langword="null"/> while there is no answer.</returns>
    private async Task<bool?> AskAsync(Func<Task<bool>> ask, CancellationToken ct)
    {
        try
        {
            return await ask().WaitAsync(ct).ConfigureAwait(false);
        }
        catch (Exception e)
        {
            // Whatever it is once the group stops: a host may end without a stop, and dispose of the services first.
            ct.ThrowIfCancellationRequested();
            LostOffsetsLog.NoAnswer(logger, e, status.Group);
            return null;
        }
    }
}
