using System.Diagnostics;
using Cuckoo.EventBus.Benchmarks.Sample;
using Cuckoo.EventBus.Benchmarks.Sides;
using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.DependencyInjection;
using Npgsql;

namespace Cuckoo.EventBus.Benchmarks.HandWritten;

/// <summary>The bus's transaction without the bus: EF saves the business row, then one command inserts all events.</summary>
internal sealed class Inserts : ISide
{
    private ServiceProvider? _services;
    private string _topic = "";
    private long _number;

    public Task StartAsync(SideTarget target)
    {
        _topic = target.Topic;
        _services = new ServiceCollection().AddDbContext<BenchContext>(options => options.UseNpgsql(target.ConnectionString)).BuildServiceProvider();
        return Task.CompletedTask;
    }

    public Task<SideResult> RunAsync(SideWork work) => ClosedLoop.RunAsync(work, () => CommitAsync(work.Events));

    public async Task StopAsync() => await _services!.DisposeAsync();

    private async Task CommitAsync(int events)
    {
        using var request = new Activity("request").Start();
        await using var scope = _services!.CreateAsyncScope();
        var db = scope.ServiceProvider.GetRequiredService<BenchContext>();
        await using var transaction = await db.Database.BeginTransactionAsync();
        var now = DateTimeOffset.UtcNow;
        var last = Interlocked.Add(ref _number, events);
        var records = new OutboxRecord[events];
        for (var i = 0; i < events; i++)
        {
            records[i] = OutboxRecord.From(BenchEvent.Create(last - i, now), request.Id);
        }

        db.Orders.Add(new Order { Customer = "someone", Total = 12.5m });
        await db.SaveChangesAsync();
        var connection = (NpgsqlConnection)db.Database.GetDbConnection();
        await using var insert = events == 1 ? OutboxTable.Insert(connection, _topic, records[0]) : OutboxTable.Insert(connection, _topic, records);
        await insert.ExecuteNonQueryAsync();
        await transaction.CommitAsync();
    }
}
