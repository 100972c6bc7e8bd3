using Cuckoo.EventBus.Benchmarks.Harness;

namespace Cuckoo.EventBus.Benchmarks.Measures;

/// <summary>While a transaction is open anywhere, deleted rows stay in the way of every read that starts before them.</summary>
internal sealed class RelayDrainSnapshot : IMeasure
{
    /// <summary>So many that dead rows dominate where they are not passed over.</summary>
    private const int Rows = 600_000;

    public string Name => "relay-drain-snapshot";

    public string Description => "the same with a transaction held open elsewhere, against ours without";

    public async Task<IReadOnlyList<Line>> RunAsync(Bench bench)
    {
        var rows = bench.Options.Rows ?? Rows;
        List<double> without = [], reading = [], writing = [];
        for (var round = 0; round < bench.Options.Rounds; round++)
        {
            without.Add(await RateAsync(bench, rows, null, "none held"));
            reading.Add(await RateAsync(bench, rows, HeldTransaction.ReadAsync, "one that read"));
            writing.Add(await RateAsync(bench, rows, HeldTransaction.WriteAsync, "one that wrote"));
        }

        return
        [
            Line.Of($"{Name}-read", new Rounds(reading, without), "rows/s", Goal.AtLeast(0.8)),
            Line.Of($"{Name}-write", new Rounds(writing, without), "rows/s", Goal.AtLeast(0.8)),
        ];
    }

    private static async Task<double> RateAsync(Bench bench, int rows, Func<Target, Task<HeldTransaction>>? held, string what)
    {
        var result = await new Drain(bench) { Held = held }.RunAsync(rows);
        Bench.Say($"{what}: {result}");
        return result.Rate;
    }
}
