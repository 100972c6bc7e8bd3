using System.Diagnostics;
using Confluent.Kafka;
using Cuckoo.EventBus.Benchmarks.Sample;
using Cuckoo.EventBus.Benchmarks.Sides;

namespace Cuckoo.EventBus.Benchmarks.HandWritten;

/// <summary>Confluent.Kafka's fastest way: a handler per acknowledgement, no task. An event is an object here too, and becomes JSON.</summary>
internal sealed class RawProducer : ISide
{
    private IProducer<byte[], byte[]>? _producer;
    private string _topic = "";

    public Task StartAsync(SideTarget target)
    {
        _topic = target.Topic;
        _producer = Producer.Create(target.BootstrapServers, target.LingerMs);
        return Task.CompletedTask;
    }

    public async Task<SideResult> RunAsync(SideWork work)
    {
        using var request = new Activity("request").Start();
        using var window = new SemaphoreSlim(DirectPublisherSide.Window);
        Error? failure = null;
        void Acknowledge(DeliveryReport<byte[], byte[]> report)
        {
            failure = report.Error.IsError ? report.Error : failure;
            window.Release();
        }

        var allocated = GC.GetTotalAllocatedBytes(precise: true);
        var clock = Stopwatch.StartNew();
        for (var i = 0; i < work.Count; i++)
        {
            await window.WaitAsync();
            var published = BenchEvent.Create(i, DateTimeOffset.UtcNow);
            _producer!.Produce(_topic, OutboxRecord.From(published, request.Id).ToMessage(), Acknowledge);
        }

        for (var i = 0; i < DirectPublisherSide.Window; i++)
        {
            await window.WaitAsync();
        }

        return failure is not null
            ? throw new KafkaException(failure)
            : new SideResult { Seconds = clock.Elapsed.TotalSeconds, AllocatedBytes = GC.GetTotalAllocatedBytes(precise: true) - allocated };
    }

    public Task StopAsync()
    {
        _producer!.Dispose();
        return Task.CompletedTask;
    }
}
