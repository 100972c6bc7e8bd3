using Cuckoo.EventBus.Benchmarks.Handlers;
using Cuckoo.EventBus.Benchmarks.Sample;
using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;

namespace Cuckoo.EventBus.Benchmarks.Sides;

/// <summary>A service with one consumer, as a user would host it, with the options' defaults.</summary>
internal sealed class BusConsumerSide : ISide
{
    private IHost? _host;
    private Tally? _tally;
    private FaultSwitch _fault = new();

    public async Task StartAsync(SideTarget target)
    {
        var consumption = target.Consumption!;
        _tally = new Tally(consumption);
        _fault = new FaultSwitch();
        _host = BusHost.Build(target, services =>
        {
            services.AddSingleton(_tally).AddSingleton(_fault).AddSingleton(_ => new ExactDelay(TimeSpan.FromMilliseconds(consumption.HandlerMs)));
            services.AddCuckooEventBus(bus =>
            {
                // The one of dead letters.
                bus.Configure(options => options.EnsureTopics = true);
                void Configure(ConsumerOptions options) => options.Group = consumption.Group;
                switch (consumption.Handling)
                {
                    case Handling.Nothing:
                        bus.AddConsumer<DoesNothing>(configure: Configure);
                        break;
                    case Handling.Waits:
                        bus.AddConsumer<Waits>(configure: Configure);
                        break;
                    case Handling.InsertsRow:
                        UseDatabase(bus, target).AddConsumer<InsertsRow>(configure: Configure);
                        break;
                    case Handling.InsertsBatch:
                        UseDatabase(bus, target).AddConsumer<InsertsBatch>(configure: options =>
                        {
                            Configure(options);
                            options.BatchSize = consumption.BatchSize;
                        });
                        break;
                    case Handling.InsertsUnlessFaulty:
                        // As many attempts as it takes: a fault that lasts is not what is measured.
                        UseDatabase(bus, target).AddConsumer<InsertsUnlessFaulty>(configure: options =>
                        {
                            Configure(options);
                            options.Park<FaultException>().ParkedAttempts = int.MaxValue / 2;
                        });
                        break;
                    case Handling.AddsEntity:
                        UseDatabase(bus, target).AddConsumer<AddsEntity>(configure: Configure);
                        break;
                }
            });
        });
        await _host.StartAsync();
    }

    public Task<SideResult> RunAsync(SideWork work)
    {
        if (!work.EndsFault)
        {
            return _tally!.ResultAsync();
        }

        _fault.IsOn = false;
        return Task.FromResult(new SideResult { Reordered = _fault.Reordered });
    }

    public async Task StopAsync()
    {
        await _host!.StopAsync();
        await ((IAsyncDisposable)_host).DisposeAsync();
    }

    private static EventBusBuilder UseDatabase(EventBusBuilder bus, SideTarget target)
    {
        bus.Services.AddDbContextPool<BenchContext>(options => options.UseNpgsql(target.ConnectionString));
        return bus.UseOutbox<BenchContext>();
    }
}
