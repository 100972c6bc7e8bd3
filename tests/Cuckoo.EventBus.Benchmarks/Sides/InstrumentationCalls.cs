using System.Diagnostics;
using Cuckoo.EventBus.Benchmarks.Backlog;
using Cuckoo.EventBus.Benchmarks.Handlers;
using Cuckoo.EventBus.Benchmarks.Sample;
using Cuckoo.EventBus.Kafka;
using Cuckoo.EventBus.Telemetry;
using Cuckoo.EventBus.Wire;

namespace Cuckoo.EventBus.Benchmarks.Sides;

/// <summary>
/// What the bus's instrumentation does for one event, and nothing else, in a process where nobody listens: the very calls of the
/// library, in their order. It can't be left out of the library, so what it costs is what these cost.
/// </summary>
internal sealed class InstrumentationCalls(SideKind kind) : ISide
{
    /// <summary>The first ones are still being compiled; the median is not.</summary>
    private const int Rounds = 9;

    private static readonly KeyValuePair<string, object?>[] Tags = [BusMetrics.GroupTag("bench"), BusMetrics.ConsumerTag("bench")];

    private readonly ConsumerSettings _consumer = new()
    {
        Name = "bench",
        ConsumerType = typeof(DoesNothing),
        EventTypes = [],
        IsBatch = false,
        Group = "bench",
        Options = new ConsumerOptions(),
        ContextType = null,
    };

    public Task StartAsync(SideTarget target) => Task.CompletedTask;

    public Task<SideResult> RunAsync(SideWork work)
    {
        var record = Record(isTraced: kind is SideKind.ConsumeCallsTraced);
        Action call = kind is SideKind.PublishCalls ? Publish : () => Consume(record);
        var times = new List<double>();
        for (var round = 0; round < Rounds; round++)
        {
            var began = Stopwatch.GetTimestamp();
            for (var i = 0; i < work.Count; i++)
            {
                call();
            }

            times.Add(Stopwatch.GetElapsedTime(began).TotalMicroseconds / work.Count);
        }

        return Task.FromResult(new SideResult { MedianMicroseconds = Harness.Statistics.Median(times) });
    }

    public Task StopAsync() => Task.CompletedTask;

    private static IncomingRecord Record(bool isTraced)
    {
        var headers = new EventHeaders { { Headers.Id, Guid.NewGuid().ToString() }, { Headers.Source, "bench" }, { Headers.Type, BenchEvent.TypeName }, { Headers.SpecVersion, "1.0" } };
        if (isTraced)
        {
            headers.Add(Headers.TraceParent, TraceParents.Next());
        }

        return new IncomingRecord { Topic = BenchEvent.TopicName, Partition = 0, Offset = 1, Timestamp = DateTimeOffset.UnixEpoch, Headers = headers };
    }

    /// <summary>DirectEventPublisher and its answer.</summary>
    private static void Publish()
    {
        if (BusMetrics.Source.HasListeners())
        {
            throw new InvalidOperationException("Somebody listens.");
        }

        SendMetrics.Answered(BenchEvent.TopicName, TimeProvider.System, 0, result: default);
    }

    /// <summary>GroupLanes, RecordPipeline and ConsumerPipeline.</summary>
    private void Consume(IncomingRecord record)
    {
        BusMetrics.Consumed("bench", record.Topic);
        BusMetrics.InFlight.Add(1, BusMetrics.GroupTag("bench"));
        using (ProcessSpan.Start(record, _consumer))
        {
            BusMetrics.Handled.Add(1, Tags);
        }

        BusMetrics.InFlight.Add(-1, BusMetrics.GroupTag("bench"));
    }
}
