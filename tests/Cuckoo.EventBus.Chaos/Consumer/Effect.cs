using Microsoft.EntityFrameworkCore;

namespace Cuckoo.EventBus.Chaos.Consumer;

/// <summary>What handling an event does: counts the effect, writes it down, publishes onwards; or fails, as its fate says.</summary>
internal sealed class Effect(ConsumerContext db, IEventPublisher events, ConsumerWorkerSettings settings)
{
    /// <summary>What the harness waits for in the output.</summary>
    public const string Begun = "The first record is handled.";

    private static int _handled;

    public async Task HaveAsync(EventContext context, CancellationToken ct)
    {
        var id = Guid.Parse(context.EventId);
        var fate = Fate.Of(id, context.Consumer);
        var fails = context.Attempt <= fate.Failures;
        if (fails && !fate.IsLate)
        {
            throw HandlerException.Of(fate.Kind, context.Attempt);
        }

        var ordinal = context.Key is { } key ? await NextAsync(context.Consumer, key, ct) : (long?)null;
        await Task.Delay(fate.Duration, ct);
        var answered = new Answered(context.Key is null ? null : $"{context.Consumer}/{context.Key}", ordinal);
        db.Applied.Add(new Applied
        {
            Consumer = context.Consumer,
            EventId = id,
            Key = context.Key,
            Ordinal = ordinal,
            KafkaPartition = context.Partition,
            KafkaOffset = context.Offset,
            Attempt = context.Attempt,
            AnswerId = answered.EventId,
            Worker = settings.Name,
            At = DateTime.UtcNow,
        });
        await events.PublishAsync(answered, ct);
        if (fails)
        {
            await db.SaveChangesAsync(ct);
            throw HandlerException.Of(fate.Kind, context.Attempt);
        }

        if (Interlocked.Exchange(ref _handled, 1) == 0)
        {
            Console.WriteLine(Begun);
        }
    }

    /// <summary>The next number of the key's effects. The row stays locked until the transaction ends, so numbers are in the order of commits.</summary>
    private async Task<long> NextAsync(string consumer, string key, CancellationToken ct) => (await db.Database.SqlQuery<long>(
        $"""
        INSERT INTO positions (consumer, key, ordinal) VALUES ({consumer}, {key}, 1)
        ON CONFLICT (consumer, key) DO UPDATE SET ordinal = positions.ordinal + 1 RETURNING ordinal AS "Value"
        """).ToListAsync(ct)).Single();
}
