using Microsoft.EntityFrameworkCore;

namespace Cuckoo.EventBus;

/// <summary>
/// Looks into the parked records of the service's consumers and decides about them. For a service with one database; where it
/// has several, <see cref="IParkedAdministration{TContext}"/>. Works while consumers run, from any process that has the same
/// configuration, and for consumers that are no longer there. Safe for concurrent use.
/// </summary>
public interface IParkedAdministration
{
    /// <summary>The parked records that fit, by id, without headers and payload. Read in small parts, so any number may fit.</summary>
    /// <param name="filter">Which records.</param>
    /// <param name="ct">Cancels the reading.</param>
    /// <returns>The records.</returns>
    IAsyncEnumerable<ParkedEntry> ListAsync(ParkedFilter filter, CancellationToken ct = default);

    /// <summary>One parked record with its headers and payload.</summary>
    /// <param name="id">Its row.</param>
    /// <param name="ct">Cancels the call.</param>
    /// <returns><see langword="null"/> if there is none, because it is done for instance.</returns>
    Task<ParkedEntry?> FindAsync(long id, CancellationToken ct = default);

    /// <summary>
    /// Has the first record of each key tried now instead of when it is due, within about a second, by the process that has its
    /// partition. Those that fit and wait behind another go on waiting for it. No attempt is added or taken away.
    /// </summary>
    /// <param name="filter">Which records; not an empty filter.</param>
    /// <param name="progress">Told after each part how many it were so far. Default: nobody.</param>
    /// <param name="ct">Ends after the part under way; what is done stays done.</param>
    /// <returns>How many.</returns>
    /// <exception cref="ArgumentException">The filter is empty.</exception>
    Task<long> RetryAsync(ParkedFilter filter, IProgress<long>? progress = null, CancellationToken ct = default);

    /// <summary>
    /// Gives records up: they become dead letters as if they had failed for the last time, and the next one of the key is due.
    /// Which they are is decided at the beginning: with <see cref="ParkedFilter.IsFirst"/>, one of each key. Skipped is a
    /// record whose handler runs at this moment, or that is done meanwhile.
    /// </summary>
    /// <param name="filter">Which records; not an empty filter.</param>
    /// <param name="reason">Why, for the dead letters' message. Default: only that a person did it.</param>
    /// <param name="progress">Told after each part how many it were so far. Default: nobody.</param>
    /// <param name="ct">Ends after the record under way; what is done stays done, and the others are tried within 10 minutes.</param>
    /// <returns>How many.</returns>
    /// <exception cref="ArgumentException">The filter is empty.</exception>
    Task<DecidedRecords> RejectAsync(ParkedFilter filter, string? reason = null, IProgress<DecidedRecords>? progress = null, CancellationToken ct = default);

    /// <summary>
    /// Hands over to a consumer of this service what stands under the name that it had before: parked records, which it then
    /// runs in their order, dead letters, and what the inbox remembers, so that an event done under the old name is done
    /// under the new one. The old name may be one that is still running in another version of the service. Skipped is a
    /// record whose handler runs there at this moment, and one of a topic that the new consumer does not read.
    /// </summary>
    /// <param name="from">The old name.</param>
    /// <param name="to">The consumer.</param>
    /// <param name="fromGroup">The group of the old name. Default: the consumer's.</param>
    /// <param name="progress">Told after each part how many parked records it were so far. Default: nobody.</param>
    /// <param name="ct">Ends after the record under way; what is done stays done, and another call goes on with it.</param>
    /// <returns>How many parked records.</returns>
    /// <exception cref="ArgumentException">This service has no consumer <paramref name="to"/> in this database, or it has one of the old name.</exception>
    Task<DecidedRecords> MoveAsync(
        string from, string to, string? fromGroup = null, IProgress<DecidedRecords>? progress = null, CancellationToken ct = default);
}

/// <summary><see cref="IParkedAdministration"/> of one of several databases.</summary>
/// <typeparam name="TContext">The context that was given to <c>UseOutbox</c>.</typeparam>
public interface IParkedAdministration<TContext> : IParkedAdministration
    where TContext : DbContext;
