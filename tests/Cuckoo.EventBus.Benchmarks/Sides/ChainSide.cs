using System.Diagnostics;
using Cuckoo.EventBus.Benchmarks.Handlers;
using Cuckoo.EventBus.Benchmarks.Sample;
using Cuckoo.EventBus.Benchmarks.Sample.Chain;
using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;

namespace Cuckoo.EventBus.Benchmarks.Sides;

/// <summary>One service of order → payment → stock → order, with a database of its own and the options' defaults.</summary>
internal sealed class ChainSide(SideKind kind) : ISide
{
    private readonly OpenOrders _open = new();
    private IHost? _host;

    public async Task StartAsync(SideTarget target)
    {
        _host = BusHost.Build(
            target,
            services =>
            {
                services.AddSingleton(_open);
                services.AddDbContext<BenchContext>(options => options.UseNpgsql(target.ConnectionString));
                services.AddCuckooEventBus(bus =>
                {
                    bus.Configure(options => options.EnsureTopics = true).UseOutbox<BenchContext>();
                    _ = kind switch
                    {
                        SideKind.ChainPayments => bus.AddConsumer<TakePayment>(),
                        SideKind.ChainStock => bus.AddConsumer<ReserveStock>(),
                        _ => bus.AddConsumer<ConfirmOrder>(),
                    };
                });
            },
            kind.ToString());
        await _host.StartAsync();
    }

    /// <summary>Places orders, and waits until all are confirmed.</summary>
    public async Task<SideResult> RunAsync(SideWork work)
    {
        var clock = Stopwatch.StartNew();
        var confirmed = work.PerSecond > 0 ? await AtRateAsync(work) : await AsFastAsTheyGoAsync(work);
        var latencies = await Task.WhenAll(confirmed);
        return new SideResult { Seconds = clock.Elapsed.TotalSeconds, Pieces = latencies.Length, Latencies = latencies };
    }

    public async Task StopAsync()
    {
        await _host!.StopAsync();
        await ((IAsyncDisposable)_host).DisposeAsync();
    }

    private async Task<IReadOnlyList<Task<double>>> AtRateAsync(SideWork work)
    {
        var confirmed = new List<Task<double>>();
        await Pace.RunAsync(work, async () =>
        {
            // What the pace keeps is not needed here.
            var order = await PlaceAsync();
            lock (confirmed)
            {
                confirmed.Add(order);
            }

            return Commit.Now(Guid.Empty);
        });
        return confirmed;
    }

    private async Task<IReadOnlyList<Task<double>>> AsFastAsTheyGoAsync(SideWork work)
    {
        var confirmed = new Task<double>[work.Count];
        var next = -1;
        await ClosedLoop.RunAsync(work, async () =>
        {
            var i = Interlocked.Increment(ref next);
            confirmed[i] = await PlaceAsync();
        });
        return confirmed;
    }

    private async Task<Task<double>> PlaceAsync()
    {
        using var request = new Activity("request").Start();
        await using var scope = _host!.Services.CreateAsyncScope();
        var db = scope.ServiceProvider.GetRequiredService<BenchContext>();
        var events = scope.ServiceProvider.GetRequiredService<IEventPublisher>();
        var order = new Order { Customer = "someone", Total = 12.5m };
        db.Orders.Add(order);
        await events.PublishAsync(new OrderPlaced(order.Id, order.Total));
        var confirmed = _open.Placed(order.Id);
        await db.SaveChangesAsync();
        return confirmed;
    }
}
