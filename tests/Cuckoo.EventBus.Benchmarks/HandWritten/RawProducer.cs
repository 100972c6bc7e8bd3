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

    public Task<SideResult> RunAsync(SideWork work) => work.PerSecond > 0 ? PaceAsync(work) : ProduceAsync(work);

    public Task StopAsync()
    {
        _producer!.Dispose();
        return Task.CompletedTask;
    }

    private Task<SideResult> PaceAsync(SideWork work)
    {
        var number = work.First;
        return Pace.RunAsync(work, async () =>
        {
            using var request = new Activity("request").Start();
            var published = BenchEvent.Create(number++, DateTimeOffset.UtcNow, work.Key);
            await _producer!.ProduceAsync(_topic, OutboxRecord.From(published, request.Id).ToMessage());
            return Commit.Now(published.EventId);
        });
    }

    private async Task<SideResult> ProduceAsync(SideWork work)
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
            var published = BenchEvent.Create(work.First + i, DateTimeOffset.UtcNow, work.Key);
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
}
