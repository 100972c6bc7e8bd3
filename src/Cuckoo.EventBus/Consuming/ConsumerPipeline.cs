using System.Runtime.ExceptionServices;
using Cuckoo.EventBus.DeadLetters;
using Cuckoo.EventBus.Inbox;
using Cuckoo.EventBus.Retrying;
using Cuckoo.EventBus.Storage;
using Cuckoo.EventBus.Telemetry;
using Cuckoo.EventBus.Wire;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;

namespace Cuckoo.EventBus.Consuming;

/// <summary>
/// One event at one consumer, from its attempts to its outcome, independent of the event's other consumers. Invariant: when it
/// returns, the outcome is durable: effect, earlier effect, parked row, or dead letter. Safe for concurrent use.
/// </summary>
internal sealed class ConsumerPipeline(
    BusSettings settings,
    ConsumerSettings consumer,
    EventBusDatabase? database,
    InboxStore? inbox,
    InboxTransaction? transaction,
    ConsumerGate gate,
    RetryPolicy retries,
    Parking? parking,
    DeadLetterDesk deadLetters,
    Persistence persistence,
    IServiceScopeFactory scopes,
    ILogger<ConsumerPipeline> logger)
{
    private readonly KeyValuePair<string, object?>[] _tags = [BusMetrics.GroupTag(consumer.Group), BusMetrics.ConsumerTag(consumer.Name)];
    private readonly ConsumeHooks _hooks = new(settings.ConsumeHooks);
    private readonly CommitInquiry _inquiry = new(consumer.Name, persistence, logger);
    private readonly Dictionary<EventType, HandlerCall> _handlers = consumer.EventTypes.Distinct().ToDictionary(type => type, type => HandlerCall.Of(consumer.ConsumerType, type.ClrType));

    private enum Outcome
    {
        SkippedByHook,
        Done,
        Duplicate,
        StandsParked,
    }

    public ConsumerSettings Consumer => consumer;

    /// <returns><see langword="null"/>, or why the event is parked or a dead letter.</returns>
    /// <exception cref="OperationCanceledException">The partition is given up; there is no outcome.</exception>
    public async Task<Exception?> RunAsync(IncomingEvent incoming, EventContext context, PartitionAssignment assignment)
    {
        var key = KeyOf(incoming);
        var lease = assignment.Lease;
        if (assignment.Parked.Holds(consumer.Name, incoming.Record.Key))
        {
            await parking!.ParkBehindAsync(incoming, key, lease.Ended).ConfigureAwait(false);
            return null;
        }

        var outcome = Outcome.SkippedByHook;
        var failure = await retries.RunAsync(
            async attempt => outcome = await TryAsync(incoming, key, row: null, ContextOf(context, attempt), lease).ConfigureAwait(false),
            row: null,
            lease.Ending).ConfigureAwait(false);
        if (failure is null)
        {
            await SettleAsync(outcome, key, row: null, lease.Ended).ConfigureAwait(false);
            await HoldIfParkedAsync(outcome == Outcome.StandsParked ? InboxOutcome.Parked : null, incoming, assignment).ConfigureAwait(false);
            return null;
        }

        InboxOutcome? standing;
        if (parking is not null && retries.ParkedDelay(failure) is { } delay)
        {
            standing = await parking.ParkAsync(incoming, key, failure, delay, lease.Ended).ConfigureAwait(false);
            if (standing is null && incoming.Record.Key is { } parkedKey)
            {
                assignment.Parked.Add(consumer.Name, parkedKey);
            }
        }
        else
        {
            standing = await deadLetters.WriteAsync(incoming, key, failure, row: null, lease.Ended).ConfigureAwait(false);
        }

        await HoldIfParkedAsync(standing, incoming, assignment).ConfigureAwait(false);
        return failure.Exception;
    }

    /// <summary>The parked record to try next; none if its key is no longer parked, or has to wait.</summary>
    public async Task<ParkedRow?> FirstParkedAsync(DueRow due, PartitionAssignment assignment)
    {
        var row = await parking!.FirstAsync(due, assignment.Lease.Ending).ConfigureAwait(false);
        if (due.Key is null)
        {
            return row is { IsDue: true } ? row : null;
        }

        if (row is null)
        {
            assignment.Parked.Remove(consumer.Name, due.Key);
            return null;
        }

        assignment.Parked.Add(consumer.Name, due.Key);
        if (!row.IsDue)
        {
            // Due behind it is what a person has put there.
            await parking.QueueAsync(row, assignment.Lease.Ending).ConfigureAwait(false);
            return null;
        }

        return row;
    }

    /// <summary>Tries a parked record.</summary>
    /// <returns><see langword="null"/>, or why it stays parked or is a dead letter.</returns>
    /// <exception cref="OperationCanceledException">The partition is given up; it stays parked.</exception>
    public async Task<Exception?> RunParkedAsync(IncomingEvent incoming, EventContext context, ParkedRow row, PartitionAssignment assignment)
    {
        var lease = assignment.Lease;
        var outcome = Outcome.SkippedByHook;
        var failure = await retries.RunAsync(
            async attempt =>
            {
                if (incoming.Unreadable is { } reason)
                {
                    ExceptionDispatchInfo.Throw(reason);
                }

                outcome = await TryAsync(incoming, row.InboxKey, row, ContextOf(context, attempt), lease).ConfigureAwait(false);
            },
            row,
            lease.Ending).ConfigureAwait(false);
        if (failure is null)
        {
            await SettleAsync(outcome, row.InboxKey, row, lease.Ended).ConfigureAwait(false);
        }
        else if (retries.ParkedDelay(failure) is { } delay)
        {
            await parking!.RescheduleAsync(row, failure, delay, lease.Ended).ConfigureAwait(false);
        }
        else
        {
            await deadLetters.WriteAsync(incoming, row.InboxKey, failure, row, lease.Ended).ConfigureAwait(false);
        }

        return failure?.Exception;
    }

    /// <summary>Gives up an event that nobody can read.</summary>
    public async Task<Exception?> RejectAsync(IncomingEvent incoming, Exception reason, DateTimeOffset now, PartitionAssignment assignment)
    {
        var key = KeyOf(incoming);
        var standing = await deadLetters.WriteAsync(incoming, key, new Failure(reason, Attempts: 1, now, now), row: null, assignment.Lease.Ended).ConfigureAwait(false);
        await HoldIfParkedAsync(standing, incoming, assignment).ConfigureAwait(false);
        return reason;
    }

    /// <summary>
    /// A record found parked although its key was not: another process parked it, one that had the partition before. Whatever else
    /// that one parked of the key, the key waits from here on.
    /// </summary>
    public async Task HoldIfParkedAsync(IncomingEvent incoming, PartitionAssignment assignment)
    {
        if (parking is not null && incoming.Record.Key is { } key
            && await parking.HoldsAsync(KeyOf(incoming), assignment.Id, key, assignment.Lease.Ended).ConfigureAwait(false))
        {
            assignment.Parked.Add(consumer.Name, key);
        }
    }

    /// <summary>Runs one attempt when it is its turn, within its time limit, which is the handler's alone.</summary>
    public async Task<TResult> InTurnAsync<TState, TResult>(Func<TState, CancellationToken, ValueTask<TResult>> run, TState state, Lease lease)
    {
        using var pass = await gate.EnterAsync(lease.Ending).ConfigureAwait(false);
        using var turn = transaction is null ? default : await database!.EnterWriteAsync(lease.Ending).ConfigureAwait(false);
        return await retries.AttemptAsync(run, state, lease.Ended).ConfigureAwait(false);
    }

    private Task HoldIfParkedAsync(InboxOutcome? standing, IncomingEvent incoming, PartitionAssignment assignment) =>
        standing == InboxOutcome.Parked ? HoldIfParkedAsync(incoming, assignment) : Task.CompletedTask;

    private static EventContext ContextOf(EventContext context, int attempt) => context.Attempt == attempt ? context : context with { Attempt = attempt };

    /// <summary>One attempt.</summary>
    private async Task<Outcome> TryAsync(IncomingEvent incoming, InboxKey key, ParkedRow? row, EventContext context, Lease lease)
    {
        try
        {
            return await InTurnAsync(
                static async (state, token) => await state.Pipeline.RunHooksAsync(state.incoming, state.key, state.row, state.context, token).ConfigureAwait(false),
                (Pipeline: this, incoming, key, row, context),
                lease).ConfigureAwait(false);
        }
        catch (CommitUnknownException e)
        {
            // What else than Done it finds, another process has decided meanwhile.
            var standing = await _inquiry.AskAsync(
                e,
                token => inbox!.FindAsync(key, token),
                found => found is not null && !(row is not null && found == InboxOutcome.Parked),
                lease.Ended).ConfigureAwait(false);
            return standing == InboxOutcome.Done ? Outcome.Done : OutcomeOf(standing);
        }
    }

    private async Task<Outcome> RunHooksAsync(IncomingEvent incoming, InboxKey key, ParkedRow? row, EventContext context, CancellationToken ct)
    {
        var outcome = Outcome.SkippedByHook;
        async Task HandleAsync() => outcome = await RunHandlerAsync(incoming, key, row, context, ct).ConfigureAwait(false);
        await (consumer.IsBatch
            // What a handler of batches sees does not depend on how many there are.
            ? _hooks.AroundEachAsync([context], static c => c, passed => passed.Count > 0 ? HandleAsync() : Task.CompletedTask, ct)
            : _hooks.AroundAsync(context, HandleAsync)).ConfigureAwait(false);
        return outcome;
    }

    private async Task<Outcome> RunHandlerAsync(IncomingEvent incoming, InboxKey key, ParkedRow? row, EventContext context, CancellationToken ct)
    {
        if (transaction is not null)
        {
            return OutcomeOf(await transaction.RunAsync(row is null ? FirstTime() : Parked(row), ct).ConfigureAwait(false));
        }

        if (inbox is not null && await inbox.FindAsync(key, ct).ConfigureAwait(false) is { } standing && !(row is not null && standing == InboxOutcome.Parked))
        {
            return OutcomeOf(standing);
        }

        await using var scope = scopes.CreateAsyncScope();
        await HandleAsync(scope.ServiceProvider, ct).ConfigureAwait(false);
        return Outcome.Done;

        Task HandleAsync(IServiceProvider services, CancellationToken token) =>
            _handlers[incoming.Type!].InvokeAsync(services, incoming.NextInstance(), context, token);

        InboxWork FirstTime() => new(
            (layout, connection, current, token) => inbox!.ClaimAsync(layout, connection, current, key, InboxOutcome.Done, token),
            HandleAsync);

        InboxWork Parked(ParkedRow parked) => new(
            async (layout, connection, current, token) =>
                await inbox!.SettleAsync(layout, connection, current, key, InboxOutcome.Done, token).ConfigureAwait(false) ? null : InboxOutcome.Done,
            HandleAsync,
            (layout, connection, current, token) => parking!.Store.RemoveAsync(layout, connection, current, parked, token));
    }

    private static Outcome OutcomeOf(InboxOutcome? standing) => standing switch
    {
        null => Outcome.Done,
        InboxOutcome.Parked => Outcome.StandsParked,
        _ => Outcome.Duplicate,
    };

    private async Task SettleAsync(Outcome outcome, InboxKey key, ParkedRow? row, CancellationToken ct)
    {
        if (row is not null && (transaction is null || outcome != Outcome.Done))
        {
            // The handler has called out, or there was nothing to handle: the row goes by itself.
            await parking!.SettleAsync(row, ct).ConfigureAwait(false);
        }

        switch (outcome)
        {
            case Outcome.Done:
                if (row is null && inbox is not null && transaction is null)
                {
                    // The handler has called out; that it did must not be forgotten for want of a database.
                    await persistence.RunAsync(
                        async token =>
                        {
                            await inbox.MarkDoneAsync(key, token).ConfigureAwait(false);
                            return true;
                        },
                        InboxAway,
                        ct).ConfigureAwait(false);
                }

                BusMetrics.Handled.Add(1, _tags);
                break;
            case Outcome.Duplicate or Outcome.StandsParked:
                BusMetrics.Duplicates.Add(1, _tags);
                ConsumingLog.Duplicate(logger, consumer.Name);
                break;
            case Outcome.SkippedByHook:
                ConsumingLog.SkippedByHook(logger, consumer.Name);
                break;
        }
    }

    private InboxKey KeyOf(IncomingEvent incoming) => new(consumer.Group, consumer.Name, incoming.StoredSource, incoming.StoredId);

    private void InboxAway(Exception e) => ConsumingLog.InboxAway(logger, e, consumer.Name);
}
