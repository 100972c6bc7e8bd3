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
/// returns, the outcome is durable: effect, earlier effect, or dead letter. Safe for concurrent use.
/// </summary>
internal sealed class ConsumerPipeline(
    BusSettings settings,
    ConsumerSettings consumer,
    EventBusDatabase? database,
    InboxStore? inbox,
    InboxTransaction? transaction,
    ConsumerGate gate,
    RetryPolicy retries,
    DeadLetterDesk deadLetters,
    Persistence persistence,
    IServiceScopeFactory scopes,
    ILogger<ConsumerPipeline> logger)
{
    private readonly KeyValuePair<string, object?>[] _tags = [BusMetrics.GroupTag(consumer.Group), BusMetrics.ConsumerTag(consumer.Name)];
    private readonly Dictionary<EventType, HandlerCall> _handlers = consumer.EventTypes.Distinct().ToDictionary(type => type, type => HandlerCall.Of(consumer.ConsumerType, type.ClrType));

    private enum Outcome
    {
        SkippedByHook,
        Done,
        Duplicate,
    }

    public ConsumerSettings Consumer => consumer;

    /// <returns><see langword="null"/>, or why the event is a dead letter.</returns>
    /// <exception cref="OperationCanceledException">The partition is given up; there is no outcome.</exception>
    public async Task<Exception?> RunAsync(IncomingEvent incoming, EventContext context, Lease lease)
    {
        var key = KeyOf(incoming);
        var outcome = Outcome.SkippedByHook;
        var failure = await retries.RunAsync(
            async attempt => outcome = await TryAsync(incoming, key, context with { Attempt = attempt, Consumer = consumer.Name, Group = consumer.Group }, lease).ConfigureAwait(false),
            lease.Ending).ConfigureAwait(false);
        if (failure is not null)
        {
            await deadLetters.WriteAsync(incoming, key, failure, lease.Ended).ConfigureAwait(false);
        }
        else
        {
            await SettleAsync(outcome, key, lease.Ended).ConfigureAwait(false);
        }

        return failure?.Exception;
    }

    /// <summary>Gives up an event that nobody can read.</summary>
    public async Task<Exception?> RejectAsync(IncomingEvent incoming, Exception reason, DateTimeOffset now, CancellationToken ct)
    {
        await deadLetters.WriteAsync(incoming, KeyOf(incoming), new Failure(reason, Attempts: 1, now, now), ct).ConfigureAwait(false);
        return reason;
    }

    /// <summary>One attempt. It waits for its turn first, so that the time limit is the handler's alone.</summary>
    private async Task<Outcome> TryAsync(IncomingEvent incoming, InboxKey key, EventContext context, Lease lease)
    {
        using var pass = await gate.EnterAsync(lease.Ending).ConfigureAwait(false);
        try
        {
            using var turn = transaction is null ? default : await database!.EnterWriteAsync(lease.Ending).ConfigureAwait(false);
            return await retries.AttemptAsync(
                static async (state, token) => await state.Pipeline.RunHooksAsync(state.incoming, state.key, state.context, token).ConfigureAwait(false),
                (Pipeline: this, incoming, key, context),
                lease.Ended).ConfigureAwait(false);
        }
        catch (CommitUnknownException e)
        {
            ConsumingLog.CommitUnknown(logger, e.InnerException, consumer.Name);
            await EnsureCommittedAsync(key, e.InnerException!, lease.Ended).ConfigureAwait(false);
            return Outcome.Done;
        }
    }

    /// <summary>Asks the inbox until it answers. A commit lost to an outage costs no attempt, one that was refused does.</summary>
    private async Task EnsureCommittedAsync(InboxKey key, Exception commitFailure, CancellationToken ct)
    {
        var wasAway = false;
        var isCommitted = await persistence.RunAsync(
            token => inbox!.ContainsAsync(key, token),
            e =>
            {
                wasAway = true;
                InboxAway(e);
            },
            ct).ConfigureAwait(false);
        if (!isCommitted && wasAway)
        {
            throw new UnavailableException("The database went away during the commit, which did not take place.", commitFailure);
        }

        if (!isCommitted)
        {
            ExceptionDispatchInfo.Throw(commitFailure);
        }
    }

    private async Task<Outcome> RunHooksAsync(IncomingEvent incoming, InboxKey key, EventContext context, CancellationToken ct)
    {
        var outcome = Outcome.SkippedByHook;
        Func<Task> next = async () => outcome = await RunHandlerAsync(incoming, key, context, ct).ConfigureAwait(false);
        foreach (var hook in settings.ConsumeHooks.Reverse())
        {
            var inner = next;
            next = () => hook(context, inner);
        }

        await next().ConfigureAwait(false);
        return outcome;
    }

    private async Task<Outcome> RunHandlerAsync(IncomingEvent incoming, InboxKey key, EventContext context, CancellationToken ct)
    {
        if (transaction is not null)
        {
            return await transaction.RunAsync(key, HandleAsync, ct).ConfigureAwait(false) == InboxResult.Duplicate ? Outcome.Duplicate : Outcome.Done;
        }

        if (inbox is not null && await inbox.ContainsAsync(key, ct).ConfigureAwait(false))
        {
            return Outcome.Duplicate;
        }

        await using var scope = scopes.CreateAsyncScope();
        await HandleAsync(scope.ServiceProvider, ct).ConfigureAwait(false);
        return Outcome.Done;

        Task HandleAsync(IServiceProvider services, CancellationToken token) =>
            _handlers[incoming.Type!].InvokeAsync(services, incoming.NextInstance(), context, token);
    }

    private async Task SettleAsync(Outcome outcome, InboxKey key, CancellationToken ct)
    {
        switch (outcome)
        {
            case Outcome.Done:
                if (inbox is not null && transaction is null)
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
            case Outcome.Duplicate:
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
