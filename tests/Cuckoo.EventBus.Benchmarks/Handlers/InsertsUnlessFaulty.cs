using Cuckoo.EventBus.Benchmarks.Sample;
using Cuckoo.EventBus.Benchmarks.Sides;
using Microsoft.EntityFrameworkCore;

namespace Cuckoo.EventBus.Benchmarks.Handlers;

/// <summary>Inserts a row, which events of faulty keys fail to do while the fault is on. Only the others are counted.</summary>
internal sealed class InsertsUnlessFaulty(BenchContext db, Tally tally, FaultSwitch fault) : IEventConsumer<BenchEvent>
{
    public async Task ConsumeAsync(BenchEvent @event, EventContext context, CancellationToken ct)
    {
        var isFaulty = fault.Pass(@event);
        await db.Database.ExecuteSqlAsync(
            $"""INSERT INTO orders ("Id", "Customer", "Total", "PlacedAt") VALUES ({Guid.CreateVersion7()}, {@event.Key}, {12.5m}, {DateTime.UtcNow})""", ct);
        if (!isFaulty)
        {
            tally.Add(@event);
        }
    }
}
