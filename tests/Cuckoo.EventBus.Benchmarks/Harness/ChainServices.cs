using Cuckoo.EventBus.Benchmarks.Sides;

namespace Cuckoo.EventBus.Benchmarks.Harness;

/// <summary>Services that talk to each other, each a process with a database.</summary>
internal sealed class ChainServices : IAsyncDisposable
{
    private readonly List<SideProcess> _sides = [];
    private readonly List<Target> _targets = [];

    /// <summary>The first of them.</summary>
    public SideProcess Orders => _sides[0];

    public static async Task<ChainServices> StartAsync(Bench bench, IReadOnlyList<SideKind> kinds, IReadOnlyList<string> topics)
    {
        var services = new ChainServices();
        try
        {
            foreach (var kind in kinds)
            {
                services._targets.Add(await bench.NewTargetAsync());
                services._sides.Add(SideProcess.Start(kind));
            }

            var prefix = services._targets[0].ForSide.TopicPrefix;
            foreach (var topic in topics)
            {
                await bench.Kafka.CreateTopicAsync(prefix + topic, Target.Partitions);
            }

            for (var i = 0; i < kinds.Count; i++)
            {
                await services._sides[i].StartAsync(services._targets[i].ForSide with { TopicPrefix = prefix });
            }

            return services;
        }
        catch
        {
            await services.DisposeAsync();
            throw;
        }
    }

    public async ValueTask DisposeAsync()
    {
        foreach (var side in _sides)
        {
            await side.DisposeAsync();
        }

        foreach (var target in _targets)
        {
            await target.DisposeAsync();
        }
    }
}
