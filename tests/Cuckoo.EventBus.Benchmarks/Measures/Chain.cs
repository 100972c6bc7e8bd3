using Cuckoo.EventBus.Benchmarks.Harness;
using Cuckoo.EventBus.Benchmarks.Sample.Chain;
using Cuckoo.EventBus.Benchmarks.Sides;

namespace Cuckoo.EventBus.Benchmarks.Measures;

/// <summary>
/// Order → payment → stock → order: three services, each a process with a database of its own, each step a transaction with the
/// inbox's mark, a row and the next event. All of it on one machine.
/// </summary>
internal sealed class Chain : IMeasure
{
    private const int Orders = 5_000;
    private const int Writers = 8;

    /// <summary>Slow enough that an order finds the services idle.</summary>
    private const double PerSecond = 20;
    private const double Seconds = 20;

    /// <summary>As fast as they go, until the code is compiled.</summary>
    private const int WarmUpOrders = 5_000;

    /// <summary>What the services send when there is nothing to do is counted for so long.</summary>
    private const double IdleSeconds = 10;

    private const int ShownStatements = 40;

    private static readonly SideKind[] Services = [SideKind.ChainOrders, SideKind.ChainPayments, SideKind.ChainStock];

    public string Name => "chain";

    public string Description => "order, payment, stock, order: orders per second, time and database statements of one";

    public async Task<IReadOnlyList<Line>> RunAsync(Bench bench)
    {
        List<double> rates = [], p50 = [], p99 = [], busy = [], quiet = [];
        IReadOnlyList<string> ofBusy = [], ofQuiet = [];
        for (var round = 0; round < bench.Options.Rounds; round++)
        {
            await using var services = await ChainServices.StartAsync(bench, Services, [OrderPlaced.TopicName, PaymentTaken.TopicName, StockReserved.TopicName]);
            await services.Orders.RunAsync(new SideWork { Count = WarmUpOrders, Writers = Writers });

            var statements = new StatementCount(bench);
            await statements.ResetAsync();
            var fast = await services.Orders.RunAsync(new SideWork { Count = bench.Options.Rows ?? Orders, Writers = Writers });
            rates.Add(fast.Pieces / fast.Seconds);
            busy.Add(await statements.SumAsync() / fast.Pieces);
            ofBusy = await statements.TopAsync(fast.Pieces, ShownStatements);

            await Task.Delay(TimeSpan.FromSeconds(2));
            await statements.ResetAsync();
            await Task.Delay(TimeSpan.FromSeconds(IdleSeconds));
            var idlePerSecond = await statements.SumAsync() / IdleSeconds;

            await statements.ResetAsync();
            var slow = await services.Orders.RunAsync(new SideWork { PerSecond = PerSecond, Seconds = bench.Options.Seconds ?? Seconds, IsJittered = true });
            quiet.Add((await statements.SumAsync() - (idlePerSecond * slow.Seconds)) / slow.Pieces);
            ofQuiet = await statements.TopAsync(slow.Pieces, ShownStatements);
            p50.Add(Statistics.Percentile(slow.Latencies, 0.5));
            p99.Add(Statistics.Percentile(slow.Latencies, 0.99));
            Bench.Say($"round {round + 1}: {rates[^1]:0} orders/s with {busy[^1]:0.0} statements each; at {PerSecond}/s p50 {p50[^1]:0.0} ms, p99 {p99[^1]:0.0} ms, {quiet[^1]:0.0} statements each, {idlePerSecond:0.0} per second idle");
        }

        return
        [
            Line.Reported($"{Name}-rate", rates, "orders/s"),
            Line.Reported($"{Name}-p50", p50, "ms"),
            Line.Reported($"{Name}-p99", p99, "ms"),
            Line.Reported($"{Name}-statements-busy", busy, "per order").With("statements", ofBusy),
            Line.Reported($"{Name}-statements", quiet, "per order").With("statements", ofQuiet),
        ];
    }
}
