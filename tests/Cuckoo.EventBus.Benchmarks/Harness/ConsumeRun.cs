using Confluent.Kafka;
using Cuckoo.EventBus.Benchmarks.Sides;

namespace Cuckoo.EventBus.Benchmarks.Harness;

/// <summary>Consumes a topic that is filled, by a fresh process whose code has been warmed up by a part of it.</summary>
/// <param name="bench">The run.</param>
/// <param name="source">Whose topic; each run is another group, with another database.</param>
internal sealed class ConsumeRun(Bench bench, Target source)
{
    private static int _groups;

    public required SideKind Kind { get; init; }

    public Handling Handling { get; init; }

    public double HandlerMs { get; init; }

    public int BatchSize { get; init; }

    /// <summary>OpenTelemetry's SDK in the process; none without it.</summary>
    public TelemetrySetup? Telemetry { get; init; }

    /// <summary>How many records are handled before, until the code is compiled for good.</summary>
    public required int WarmUp { get; init; }

    private bool HasRows => Handling is not (Handling.Nothing or Handling.Waits);

    public static string NewGroup() => $"bench-group-{Interlocked.Increment(ref _groups)}";

    /// <param name="count">As many as the topic has.</param>
    public async Task<SideResult> RunAsync(int count)
    {
        await using var side = SideProcess.Start(Kind);
        await ConsumeAsync(side, Math.Min(WarmUp, count), isAll: false);
        return await ConsumeAsync(side, count, isAll: true);
    }

    private async Task<SideResult> ConsumeAsync(SideProcess side, int count, bool isAll)
    {
        var consumption = new Consumption { Group = NewGroup(), Count = count, Handling = Handling, HandlerMs = HandlerMs, BatchSize = BatchSize };
        await using var target = HasRows ? await bench.NewTargetAsync() : null;
        await side.StartAsync((target ?? source).ForSide with { TopicPrefix = source.ForSide.TopicPrefix, Consumption = consumption, Telemetry = Telemetry });
        var result = await side.RunAsync(new SideWork());
        await side.StopAsync();
        if (isAll)
        {
            await CheckAsync(consumption, target);
        }

        return result;
    }

    /// <summary>Both sides have to be done with everything: what is not durable costs nothing.</summary>
    private async Task CheckAsync(Consumption consumption, Target? target)
    {
        var groups = await bench.Kafka.Admin.ListConsumerGroupOffsetsAsync([new ConsumerGroupTopicPartitions(consumption.Group, null)]);
        var committed = groups.Single().Partitions.Sum(p => p.Offset.Value);
        if (committed != consumption.Count)
        {
            throw new MeasureFailedException($"{committed} of {consumption.Count} records are committed.");
        }

        if (target is not null && await target.AskAsync<long>("SELECT count(*) FROM orders") is var rows && rows != consumption.Count)
        {
            throw new MeasureFailedException($"{consumption.Count} records left {rows} rows.");
        }
    }
}
