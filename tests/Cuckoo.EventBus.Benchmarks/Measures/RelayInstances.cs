using Cuckoo.EventBus.Benchmarks.Harness;

namespace Cuckoo.EventBus.Benchmarks.Measures;

/// <summary>Several instances share a backlog: they must not stand in each other's way.</summary>
internal sealed class RelayInstances : IMeasure
{
    private const int Rows = 600_000;

    private static readonly int[] Counts = [1, 2, 4, 8];

    public string Name => "relay-instances";

    public string Description => "rows per second of 2, 4 and 8 instances together, against one";

    public async Task<IReadOnlyList<Line>> RunAsync(Bench bench)
    {
        var rates = Counts.ToDictionary(count => count, _ => new List<double>());
        for (var round = 0; round < bench.Options.Rounds; round++)
        {
            foreach (var count in Counts)
            {
                var result = await new Drain(bench) { Instances = count, IsRunningBefore = true }.RunAsync(bench.Options.Rows ?? Rows);
                Bench.Say($"round {round + 1}, {count}: {result}");
                rates[count].Add(result.Rate);
            }
        }

        return [.. Counts.Skip(1).Select(count => Line.Of($"{Name}-{count}", new Rounds(rates[count], rates[1]), "rows/s", Goal.AtLeast(0.9)))];
    }
}
