using System.Diagnostics;
using Cuckoo.EventBus.Benchmarks.Sample;
using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;

namespace Cuckoo.EventBus.Benchmarks.Sides;

/// <summary>A service with an outbox, as a user would host it, with the options' defaults.</summary>
internal sealed class BusSide : ISide
{
    private IHost? _host;
    private long _number;

    public async Task StartAsync(SideTarget target)
    {
        _host = BusHost.Build(target, services =>
        {
            services.AddDbContext<BenchContext>(options => options.UseNpgsql(target.ConnectionString));
            services.AddCuckooEventBus(bus => bus.UseOutbox<BenchContext>());
        });
        await _host.StartAsync();
    }

    public Task<SideResult> RunAsync(SideWork work) =>
        work.PerSecond > 0 ? Pace.RunAsync(work, () => CommitAsync(work.Events)) : ClosedLoop.RunAsync(work, () => CommitAsync(work.Events));

    public async Task StopAsync()
    {
        await _host!.StopAsync();
        await ((IAsyncDisposable)_host).DisposeAsync();
    }

    private async Task<Commit> CommitAsync(int events)
    {
        // What a web framework does for each request; the event carries its traceparent.
        using var request = new Activity("request").Start();
        await using var scope = _host!.Services.CreateAsyncScope();
        var db = scope.ServiceProvider.GetRequiredService<BenchContext>();
        var publisher = scope.ServiceProvider.GetRequiredService<IEventPublisher>();
        await using var transaction = await db.Database.BeginTransactionAsync();
        var published = BenchEvent.Create(Interlocked.Add(ref _number, events));
        db.Orders.Add(new Order { Customer = published.Key, Total = 12.5m });
        await publisher.PublishAsync(published);
        for (var i = 1; i < events; i++)
        {
            await publisher.PublishAsync(BenchEvent.Create(published.Number - i));
        }

        await db.SaveChangesAsync();
        await transaction.CommitAsync();
        return Commit.Now(published.EventId);
    }
}
