using Cuckoo.EventBus.Benchmarks.HandWritten;
using Cuckoo.EventBus.Benchmarks.Sample;
using Cuckoo.EventBus.Benchmarks.Sides;
using Microsoft.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore.Storage;
using Npgsql;

namespace Cuckoo.EventBus.Benchmarks.Handlers;

/// <summary>Inserts the rows of a batch by one statement, the same one as by hand.</summary>
internal sealed class InsertsBatch(BenchContext db, Tally tally) : IEventBatchConsumer<BenchEvent>
{
    public async Task ConsumeAsync(IReadOnlyList<ReceivedEvent<BenchEvent>> batch, CancellationToken ct)
    {
        await using var insert = OrderRows.Insert((NpgsqlConnection)db.Database.GetDbConnection(), [.. batch.Select(received => received.Event.Key)]);
        insert.Transaction = (NpgsqlTransaction?)db.Database.CurrentTransaction?.GetDbTransaction();
        await insert.ExecuteNonQueryAsync(ct);
        foreach (var received in batch)
        {
            tally.Add(received.Event);
        }
    }
}
