using System.Diagnostics;
using Cuckoo.EventBus.Benchmarks.Sample;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;

namespace Cuckoo.EventBus.Benchmarks.Sides;

/// <summary>A service without a database: each event is a call that ends with its acknowledgement.</summary>
internal sealed class DirectPublisherSide : ISide
{
    /// <summary>How many calls are under way at once, on both sides: enough that batches fill.</summary>
    public const int Window = 10_000;

    private IHost? _host;

    public async Task StartAsync(SideTarget target)
    {
        _host = BusHost.Build(target, services => services.AddCuckooEventBus());
        await _host.StartAsync();
    }

    public async Task<SideResult> RunAsync(SideWork work)
    {
        using var request = work.HasRequestEach ? null : new Activity("request").Start();
        var publisher = _host!.Services.GetRequiredService<IDirectEventPublisher>();
        var underWay = new Queue<Task>(Window);
        var allocated = GC.GetTotalAllocatedBytes(precise: true);
        var processor = Environment.CpuUsage.TotalTime;
        var clock = Stopwatch.StartNew();
        for (var i = 0; i < work.Count; i++)
        {
            if (underWay.Count == Window)
            {
                await underWay.Dequeue();
            }

            underWay.Enqueue(work.HasRequestEach ? InRequest(publisher, i) : publisher.PublishAsync(BenchEvent.Create(i)));
        }

        await Task.WhenAll(underWay);
        return new SideResult
        {
            Seconds = clock.Elapsed.TotalSeconds,
            AllocatedBytes = GC.GetTotalAllocatedBytes(precise: true) - allocated,
            ProcessorSeconds = (Environment.CpuUsage.TotalTime - processor).TotalSeconds,
        };
    }

    /// <summary>What a web framework does for each request, with or without an SDK.</summary>
    private static Task InRequest(IDirectEventPublisher publisher, long number)
    {
        using var request = new Activity("request").Start();
        return publisher.PublishAsync(BenchEvent.Create(number));
    }

    public async Task StopAsync()
    {
        await _host!.StopAsync();
        await ((IAsyncDisposable)_host).DisposeAsync();
    }
}
