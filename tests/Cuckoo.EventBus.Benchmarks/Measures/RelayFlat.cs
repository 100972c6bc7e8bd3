using Cuckoo.EventBus.Benchmarks.Harness;

namespace Cuckoo.EventBus.Benchmarks.Measures;

/// <summary>Whether the size of a backlog costs anything: its last tenth against its first.</summary>
internal sealed class RelayFlat : IMeasure
{
    private const int Rows = 1_000_000;

    public string Name => "relay-flat";

    public string Description => "the last tenth of a million rows, against the first (--rows 5000000 for more)";

    public async Task<IReadOnlyList<Line>> RunAsync(Bench bench)
    {
        List<double> first = [], last = [], tenths = [];
        for (var round = 0; round < bench.Options.Rounds; round++)
        {
            var result = await new Drain(bench).RunAsync(bench.Options.Rows ?? Rows);
            first.Add(result.RateBetween(0, 0.1));
            last.Add(result.RateBetween(0.9, 1));
            tenths.AddRange(Enumerable.Range(0, 10).Select(tenth => result.RateBetween(tenth / 10.0, (tenth + 1) / 10.0)));
            Bench.Say($"round {round + 1}: {result}, first tenth {first[^1]:0}, last tenth {last[^1]:0}");
        }

        return [Line.Of(Name, new Rounds(last, first), "rows/s", Goal.AtLeast(0.9)).With("tenthsOfEachRound", tenths)];
    }
}
