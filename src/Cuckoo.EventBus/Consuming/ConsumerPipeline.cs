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
/// returns, the outcome is durable: effect, earlier effect, parked row, or dead letter. Safe for concurrent use. All ways to an
/// outcome stand in this one file, long as it is.
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
    UnknownTypes unknownTypes,
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
        NotForIt,
        Done,
        Duplicate,
        StandsParked,
    }

    public ConsumerSettings Consumer => consumer;

    public bool IsPaused => gate.IsPaused;

    /// <returns><see langword="null"/>, or why the event is parked or a dead letter.</returns>
    /// <exception cref="OperationCanceledException">The partition is given up; there is no outcome.</exception>
    public async ValueTask<Exception?> RunAsync(IncomingEvent incoming, EventContext context, PartitionAssignment assignment)
    {
        var key = KeyOf(incoming);
        var lease = assignment.Lease;
        if (assignment.Parked.Holds(consumer.Name, incoming.Record.Key))
        {
            await parking!.ParkBehindAsync(incoming, key, lease.Ended).ConfigureAwait(false);
            return null;
        }

        var run = new EventRun(this, incoming, key, row: null, context, lease);
        var failure = await retries.RunAsync(static (run, attempt) => run.Pipeline.TryAsync(run, attempt), run, row: null, lease.Ending).ConfigureAwait(false);
        if (failure is null)
        {
            await SettleAsync(run).ConfigureAwait(false);
            await HoldIfParkedAsync(run.Outcome == Outcome.StandsParked ? InboxOutcome.Parked : null, incoming, assignment).ConfigureAwait(false);
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
            if (row.Id != due.Id)
            {
                // Due behind it is what a person has put there.
                await parking.QueueAsync(row, assignment.Lease.Ending).ConfigureAwait(false);
            }

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
        if (unknownTypes.Wait(incoming))
        {
            await unknownTypes.LookAgainAsync(incoming, row, lease.Ended).ConfigureAwait(false);
            return incoming.Unreadable;
        }

        var run = new EventRun(this, incoming, row.InboxKey, row, context, lease);
        if (row.Attempts == 0 && incoming.Type is { } type && !_handlers.ContainsKey(type))
        {
            // Parked here while nobody knew its type, which is for others, as it turns out.
            run.Outcome = Outcome.NotForIt;
            await SettleAsync(run).ConfigureAwait(false);
            return null;
        }

        var failure = await retries.RunAsync(static (run, attempt) => run.Pipeline.TryAsync(run, attempt), run, row, lease.Ending).ConfigureAwait(false);
        if (failure is null)
        {
            await SettleAsync(run).ConfigureAwait(false);
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

    /// <summary>Gives up an event that nobody can read, or parks it until its type is known, where the topic says so.</summary>
    public async Task<Exception?> RejectAsync(IncomingEvent incoming, Exception reason, DateTimeOffset now, PartitionAssignment assignment)
    {
        var key = KeyOf(incoming);
        var standing = unknownTypes.Wait(incoming)
            ? await unknownTypes.ParkAsync(incoming, key, assignment).ConfigureAwait(false)
            : await deadLetters.WriteAsync(incoming, key, new Failure(reason, Attempts: 1, now, now), row: null, assignment.Lease.Ended).ConfigureAwait(false);
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
    public async ValueTask<TResult> InTurnAsync<TState, TResult>(Func<TState, CancellationToken, ValueTask<TResult>> run, TState state, Lease lease)
    {
        using var pass = await gate.EnterAsync(lease.Ending).ConfigureAwait(false);
        using var turn = transaction is null ? default : await database!.EnterWriteAsync(lease.Ending).ConfigureAwait(false);
        return await retries.AttemptAsync(run, state, lease.Ended).ConfigureAwait(false);
    }

    private Task HoldIfParkedAsync(InboxOutcome? standing, IncomingEvent incoming, PartitionAssignment assignment) =>
        standing == InboxOutcome.Parked ? HoldIfParkedAsync(incoming, assignment) : Task.CompletedTask;

    /// <summary>One attempt.</summary>
    private async Task TryAsync(EventRun run, int attempt)
    {
        if (run.Incoming.Unreadable is { } reason)
        {
            ExceptionDispatchInfo.Throw(reason);
        }

        run.Begin(attempt);
        try
        {
            run.Outcome = await InTurnAsync(static (run, token) => run.Pipeline.RunHooksAsync(run, token), run, run.Lease).ConfigureAwait(false);
        }
        catch (CommitUnknownException e)
        {
            // What else than Done it finds, another process has decided meanwhile.
            var standing = await _inquiry.AskAsync(
                e,
                token => inbox!.FindAsync(run.Key, token),
                found => found is not null && !(run.Row is not null && found == InboxOutcome.Parked),
                run.Lease.Ended).ConfigureAwait(false);
            run.Outcome = standing == InboxOutcome.Done ? Outcome.Done : OutcomeOf(standing);
        }
    }

    private ValueTask<Outcome> RunHooksAsync(EventRun run, CancellationToken ct) => _hooks.IsEmpty ? RunHandlerAsync(run, ct) : RunInHooksAsync(run, ct);

    private async ValueTask<Outcome> RunInHooksAsync(EventRun run, CancellationToken ct)
    {
        var outcome = Outcome.SkippedByHook;
        async Task HandleAsync() => outcome = await RunHandlerAsync(run, ct).ConfigureAwait(false);
        await (consumer.IsBatch
            // What a handler of batches sees does not depend on how many there are.
            ? _hooks.AroundEachAsync([run.Context], static c => c, passed => passed.Count > 0 ? HandleAsync() : Task.CompletedTask, ct)
            : _hooks.AroundAsync(run.Context, HandleAsync)).ConfigureAwait(false);
        return outcome;
    }

    private async ValueTask<Outcome> RunHandlerAsync(EventRun run, CancellationToken ct)
    {
        if (transaction is not null)
        {
            return OutcomeOf(await transaction.RunAsync(WorkOf(run), ct).ConfigureAwait(false));
        }

        if (inbox is not null && await inbox.FindAsync(run.Key, ct).ConfigureAwait(false) is { } standing && !(run.Row is not null && standing == InboxOutcome.Parked))
        {
            return OutcomeOf(standing);
        }

        await using var scope = scopes.CreateAsyncScope();
        await HandleAsync(run, scope.ServiceProvider, ct).ConfigureAwait(false);
        return Outcome.Done;
    }

    private InboxWork WorkOf(EventRun run) => run.Row is not { } row
        ? new InboxWork(
            (layout, connection, current, token) => inbox!.ClaimAsync(layout, connection, current, run.Key, InboxOutcome.Done, token),
            (services, token) => HandleAsync(run, services, token))
        : new InboxWork(
            async (layout, connection, current, token) =>
                await inbox!.SettleAsync(layout, connection, current, run.Key, row.Id, InboxOutcome.Done, token).ConfigureAwait(false) ? null : InboxOutcome.Done,
            (services, token) => HandleAsync(run, services, token),
            (layout, connection, current, token) => parking!.Store.RemoveAsync(layout, connection, current, row, token));

    private Task HandleAsync(EventRun run, IServiceProvider services, CancellationToken ct) =>
        _handlers[run.Incoming.Type!].InvokeAsync(services, run.Incoming.NextInstance(), run.Context, ct);

    private static Outcome OutcomeOf(InboxOutcome? standing) => standing switch
    {
        null => Outcome.Done,
        InboxOutcome.Parked => Outcome.StandsParked,
        _ => Outcome.Duplicate,
    };

    private async ValueTask SettleAsync(EventRun run)
    {
        if (run.Row is not null && (transaction is null || run.Outcome != Outcome.Done))
        {
            // The handler has called out, or there was nothing to handle: the row goes by itself.
            await parking!.SettleAsync(run.Row, run.Lease.Ended).ConfigureAwait(false);
        }

        switch (run.Outcome)
        {
            case Outcome.Done:
                if (run.Row is null && inbox is not null && transaction is null)
                {
                    // The handler has called out; that it did must not be forgotten for want of a database.
                    await persistence.RunAsync(
                        async token =>
                        {
                            await inbox.MarkDoneAsync(run.Key, token).ConfigureAwait(false);
                            return true;
                        },
                        InboxAway,
                        run.Lease.Ended).ConfigureAwait(false);
                }

                BusMetrics.Handled.Add(1, _tags);
                break;
            case Outcome.Duplicate or Outcome.StandsParked:
                ProcessSpan.Ended("duplicate");
                BusMetrics.Duplicates.Add(1, _tags);
                ConsumingLog.Duplicate(logger, consumer.Name);
                break;
            case Outcome.NotForIt:
                ConsumingLog.NotForIt(logger, consumer.Name);
                break;
            case Outcome.SkippedByHook:
                ConsumingLog.SkippedByHook(logger, consumer.Name);
                break;
        }
    }

    private InboxKey KeyOf(IncomingEvent incoming) => new(consumer.Group, consumer.Name, incoming.StoredSource, incoming.StoredId);

    private void InboxAway(Exception e) => ConsumingLog.InboxAway(logger, e, consumer.Name);

    /// <summary>One event's way through its attempts.</summary>
    private sealed class EventRun(ConsumerPipeline pipeline, IncomingEvent incoming, InboxKey key, ParkedRow? row, EventContext context, Lease lease)
    {
        public ConsumerPipeline Pipeline => pipeline;

        public IncomingEvent Incoming => incoming;

        public InboxKey Key => key;

        /// <summary>Where it is parked.</summary>
        public ParkedRow? Row => row;

        public Lease Lease => lease;

        /// <summary>What the current attempt's handler is told.</summary>
        public EventContext Context { get; private set; } = context;

        public Outcome Outcome { get; set; } = Outcome.SkippedByHook;

        public void Begin(int attempt) => Context = Context.Attempt == attempt ? Context : Context with { Attempt = attempt };
    }
}
