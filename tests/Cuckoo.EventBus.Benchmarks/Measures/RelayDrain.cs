using Cuckoo.EventBus.Benchmarks.Harness;

namespace Cuckoo.EventBus.Benchmarks.Measures;

internal sealed class RelayDrain : IMeasure
{
    private const int Rows = 200_000;

    public string Name => "relay-drain";

    public string Description => "rows per second of a backlog, against a hand-written loop";

    public async Task<IReadOnlyList<Line>> RunAsync(Bench bench)
    {
        var rows = bench.Options.Rows ?? Rows;
        var results = await Rounds.AlternateAsync(
            bench,
            () => new Drain(bench).RunAsync(rows),
            () => new Drain(bench) { IsHandWritten = true }.RunAsync(rows));
        return [Line.Of(Name, Rounds.Of(results, r => r.Rate), "rows/s", Goal.AtLeast(0.9)).With("repeats", results.Ours.Sum(r => r.Repeats))];
    }
}
