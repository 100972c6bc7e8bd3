using Cuckoo.EventBus.Benchmarks.Sample;
using Cuckoo.EventBus.Benchmarks.Sides;
using Microsoft.EntityFrameworkCore;

namespace Cuckoo.EventBus.Benchmarks.Handlers;

/// <summary>Inserts the business row by a statement, the same one as by hand.</summary>
internal sealed class InsertsRow(BenchContext db, Tally tally) : IEventConsumer<BenchEvent>
{
    public async Task ConsumeAsync(BenchEvent @event, EventContext context, CancellationToken ct)
    {
        await db.Database.ExecuteSqlAsync(
            $"""INSERT INTO orders ("Id", "Customer", "Total", "PlacedAt") VALUES ({Guid.CreateVersion7()}, {@event.Key}, {12.5m}, {DateTime.UtcNow})""", ct);
        tally.Add(@event);
    }
}
