using Cuckoo.EventBus.Inbox;
using Cuckoo.EventBus.Retrying;
using Cuckoo.EventBus.Wire;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;

namespace Cuckoo.EventBus.Consuming;

/// <summary>
/// Has one consumer handle a batch as a whole. Invariant: either all records that it says were handled are, in one transaction with
/// their marks in the inbox where there is one, or none has left anything behind. Safe for concurrent use.
/// </summary>
internal sealed class BatchHandler(
    ConsumerPipeline pipeline, BatchInbox? inbox, InboxTransaction? transaction, ConsumeHooks hooks, Persistence persistence, IServiceScopeFactory scopes, ILogger logger)
{
    private readonly CommitInquiry _inquiry = new(pipeline.Consumer.Name, persistence, logger);
    private readonly Dictionary<EventType, BatchCall> _calls =
        pipeline.Consumer.EventTypes.Distinct().ToDictionary(type => type, type => BatchCall.Of(pipeline.Consumer.ConsumerType, type.ClrType));

    /// <summary>One attempt.</summary>
    public async Task<BatchResult> TryAsync(IReadOnlyList<BatchRecord> batch, Lease lease)
    {
        var result = new BatchResult();
        var first = result.FirstOfEach(batch);
        try
        {
            await pipeline.InTurnAsync(
                static async (state, token) =>
                {
                    await state.Handler.RunHooksAsync(state.first, state.result, token).ConfigureAwait(false);
                    return true;
                },
                (Handler: this, first, result),
                lease).ConfigureAwait(false);
        }
        catch (CommitUnknownException e)
        {
            // It is one commit, so all are done or none; where another process has done the rest of them, none is left to do.
            await _inquiry.AskAsync(
                e,
                token => inbox!.FindAsync(IdentitiesOf(result.Handled), token),
                found => found.Count == result.Handled.Count && found.Values.All(outcome => outcome == InboxOutcome.Done),
                lease.Ended).ConfigureAwait(false);
        }

        return result;
    }

    /// <summary>Notes what a handler without a transaction has done; that it did must not be forgotten for want of a database.</summary>
    public async Task MarkAsync(BatchResult result, CancellationToken ct)
    {
        if (inbox is not null && transaction is null && result.Handled.Count > 0)
        {
            await persistence.RunAsync(
                async token =>
                {
                    await inbox.MarkDoneAsync(IdentitiesOf(result.Handled), token).ConfigureAwait(false);
                    return true;
                },
                e => ConsumingLog.InboxAway(logger, e, pipeline.Consumer.Name),
                ct).ConfigureAwait(false);
        }
    }

    private static EventIdentity[] IdentitiesOf(IReadOnlyList<BatchRecord> records) => [.. records.Select(record => record.Identity)];

    private Task RunHooksAsync(IReadOnlyList<BatchRecord> batch, BatchResult result, CancellationToken ct) => hooks.AroundEachAsync(
        batch,
        static record => record.Context,
        passed =>
        {
            result.Passed(batch, passed);
            return passed.Count > 0 ? RunAsync(passed, result, ct) : Task.CompletedTask;
        },
        ct);

    private async Task RunAsync(IReadOnlyList<BatchRecord> batch, BatchResult result, CancellationToken ct)
    {
        if (transaction is not null)
        {
            await transaction.RunAsync(
                new InboxWork(
                    async (layout, connection, current, token) =>
                        result.Claimed(batch, await inbox!.ClaimAsync(layout, connection, current, IdentitiesOf(batch), token).ConfigureAwait(false)) ? null : InboxOutcome.Done,
                    (services, token) => CallAsync(services, result.Handled, token)),
                ct).ConfigureAwait(false);
            return;
        }

        if (result.Claimed(batch, inbox is null ? new Dictionary<EventIdentity, InboxOutcome>() : await inbox.FindAsync(IdentitiesOf(batch), ct).ConfigureAwait(false)))
        {
            await using var scope = scopes.CreateAsyncScope();
            await CallAsync(scope.ServiceProvider, result.Handled, ct).ConfigureAwait(false);
        }
    }

    /// <summary>Calls the handler; where events of several types follow each other, once for each row of one type.</summary>
    private async Task CallAsync(IServiceProvider services, IReadOnlyList<BatchRecord> batch, CancellationToken ct)
    {
        var events = new (object Event, EventContext Context)[batch.Count];
        for (var i = 0; i < events.Length; i++)
        {
            events[i] = (batch[i].Event.NextInstance(), batch[i].Context);
        }

        for (int from = 0, to; from < events.Length; from = to)
        {
            var type = batch[from].Event.Type!;
            for (to = from + 1; to < events.Length && batch[to].Event.Type == type; to++)
            {
                // All of one type.
            }

            await _calls[type].InvokeAsync(services, events.AsSpan(from, to - from), ct).ConfigureAwait(false);
        }
    }
}
