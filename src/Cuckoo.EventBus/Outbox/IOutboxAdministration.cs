using Microsoft.EntityFrameworkCore;

namespace Cuckoo.EventBus;

/// <summary>
/// Looks into the service's outbox and decides about events that the broker rejects. For the service's only outbox; where it has
/// several, <see cref="IOutboxAdministration{TContext}"/>. Works while relays run. Safe for concurrent use.
/// </summary>
public interface IOutboxAdministration
{
    /// <summary>The events that fit, by id, without headers and payload. Read in small parts, so any number may fit.</summary>
    /// <param name="filter">Which events.</param>
    /// <param name="ct">Cancels the reading.</param>
    /// <returns>The events.</returns>
    IAsyncEnumerable<OutboxEntry> ListAsync(OutboxFilter filter, CancellationToken ct = default);

    /// <summary>One event with its headers and payload.</summary>
    /// <param name="id">Its row.</param>
    /// <param name="ct">Cancels the call.</param>
    /// <returns><see langword="null"/> if there is none, because it is sent for instance.</returns>
    Task<OutboxEntry?> FindAsync(long id, CancellationToken ct = default);

    /// <summary>
    /// Has dead events sent again, as the newest ones of their keys (the one exception to the order of a key), with all attempts
    /// before them; and rejected ones that wait, now instead of when they are due, where they stand. Others stay as they are.
    /// </summary>
    /// <param name="filter">Which events; not an empty filter.</param>
    /// <param name="progress">Told after each part how many it were so far. Default: nobody.</param>
    /// <param name="ct">Ends after the part under way; what is done stays done.</param>
    /// <returns>How many.</returns>
    /// <exception cref="ArgumentException">The filter is empty.</exception>
    Task<long> RequeueAsync(OutboxFilter filter, IProgress<long>? progress = null, CancellationToken ct = default);

    /// <summary>
    /// Deletes events that fit, whatever their state: they will not be sent, unless they are on their way already. Events that
    /// wait behind a discarded one go on.
    /// </summary>
    /// <param name="filter">Which events; not an empty filter.</param>
    /// <param name="progress">Told after each part how many it were so far. Default: nobody.</param>
    /// <param name="ct">Ends after the part under way; what is done stays done.</param>
    /// <returns>How many.</returns>
    /// <exception cref="ArgumentException">The filter is empty.</exception>
    Task<long> DiscardAsync(OutboxFilter filter, IProgress<long>? progress = null, CancellationToken ct = default);
}

/// <summary><see cref="IOutboxAdministration"/> of one of several outboxes.</summary>
/// <typeparam name="TContext">The context that was given to <c>UseOutbox</c>.</typeparam>
public interface IOutboxAdministration<TContext> : IOutboxAdministration
    where TContext : DbContext;
