using Microsoft.EntityFrameworkCore;

namespace Cuckoo.EventBus;

/// <summary>
/// Looks into the dead letters of the service's consumers and decides about them. For a service with one database; where it has
/// several, <see cref="IDeadLetterAdministration{TContext}"/>. (Dead letters of consumers without a database stand in the
/// topic only.) Works while consumers run, from any process that has the same configuration. Safe for concurrent use.
/// </summary>
public interface IDeadLetterAdministration
{
    /// <summary>The dead letters that fit, by id, without stack, headers and payload. Read in small parts, so any number may fit.</summary>
    /// <param name="filter">Which dead letters.</param>
    /// <param name="ct">Cancels the reading.</param>
    /// <returns>The dead letters.</returns>
    IAsyncEnumerable<DeadLetterEntry> ListAsync(DeadLetterFilter filter, CancellationToken ct = default);

    /// <summary>One dead letter with everything that is known of it.</summary>
    /// <param name="id">Its row.</param>
    /// <param name="ct">Cancels the call.</param>
    /// <returns><see langword="null"/> if there is none, because it was replayed for instance.</returns>
    Task<DeadLetterEntry?> FindAsync(long id, CancellationToken ct = default);

    /// <summary>
    /// Has the consumers that gave these records up run them again, with all their attempts, in the order in which they died; no
    /// other consumer sees them, since the topic is not touched. Each stands behind what is parked of its key already; events of
    /// the key that came later and are done are not undone, so the order of the key is what it was up to then. One is tried
    /// within about a second, by the process that has its partition. What dies again while this runs is not replayed again.
    /// Skipped, and left where it is, is a record whose event is done or parked by now, or whose consumer or topic this
    /// service does not have.
    /// </summary>
    /// <param name="filter">Which dead letters; not an empty filter.</param>
    /// <param name="options">How fast. Default: no limit.</param>
    /// <param name="progress">Told after each part how many it were so far. Default: nobody.</param>
    /// <param name="ct">Ends after the part under way; what is done stays done.</param>
    /// <returns>How many.</returns>
    /// <exception cref="ArgumentException">The filter is empty.</exception>
    Task<DecidedRecords> ReplayAsync(
        DeadLetterFilter filter, DeadLetterReplay? options = null, IProgress<DecidedRecords>? progress = null, CancellationToken ct = default);

    /// <summary>
    /// Deletes dead letters from the table; what stands in the topic stays there. The event stays decided: delivered again, it
    /// has no effect. One that someone replays at this moment is not deleted.
    /// </summary>
    /// <param name="filter">Which dead letters; not an empty filter.</param>
    /// <param name="progress">Told after each part how many it were so far. Default: nobody.</param>
    /// <param name="ct">Ends after the part under way; what is done stays done.</param>
    /// <returns>How many.</returns>
    /// <exception cref="ArgumentException">The filter is empty.</exception>
    Task<long> DiscardAsync(DeadLetterFilter filter, IProgress<long>? progress = null, CancellationToken ct = default);
}

/// <summary><see cref="IDeadLetterAdministration"/> of one of several databases.</summary>
/// <typeparam name="TContext">The context that was given to <c>UseOutbox</c>.</typeparam>
public interface IDeadLetterAdministration<TContext> : IDeadLetterAdministration
    where TContext : DbContext;
