using Cuckoo.EventBus.Benchmarks.Backlog;
using Cuckoo.EventBus.Benchmarks.Harness;
using Cuckoo.EventBus.Benchmarks.Sides;

namespace Cuckoo.EventBus.Benchmarks.Measures;

/// <summary>What the relay asks of the database, by pg_stat_statements.</summary>
internal sealed class OutboxStatements : IMeasure
{
    /// <summary>Of which the middle is counted: a lane's last read is not a backlog's.</summary>
    private const int Rows = 400_000;

    /// <summary>Slow enough that each commit is a drain of its own.</summary>
    private const double CommitsPerSecond = 10;

    private const double Seconds = 20;

    public string Name => "outbox-statements";

    public string Description => "statements per 1000 rows of a backlog, per drain in a trickle, per second idle";

    public async Task<IReadOnlyList<Line>> RunAsync(Bench bench)
    {
        var statements = new StatementCount(bench);
        List<double> backlog = [], trickle = [], idle = [];
        IReadOnlyList<string> ofBacklog = [], ofTrickle = [], ofIdle = [];
        for (var round = 0; round < bench.Options.Rounds; round++)
        {
            (var figure, ofBacklog) = await BacklogAsync(bench, statements);
            backlog.Add(figure);
            (figure, ofIdle) = await IdleAsync(bench, statements);
            idle.Add(figure);
            (figure, ofTrickle) = await TrickleAsync(bench, statements, idlePerSecond: figure);
            trickle.Add(figure);
            Bench.Say($"round {round + 1}: {backlog[^1]:0.00} per 1000 rows, {trickle[^1]:0.00} per drain, {idle[^1]:0.00} per second");
        }

        return
        [
            Line.NoMoreThan($"{Name}-backlog", backlog, 4, "per 1000 rows").With("statements", ofBacklog),
            Line.NoMoreThan($"{Name}-trickle", trickle, 4, "per drain").With("statements", ofTrickle),
            Line.NoMoreThan($"{Name}-idle", idle, 2, "per second").With("statements", ofIdle),
        ];
    }

    private static async Task<(double Figure, IReadOnlyList<string> Statements)> BacklogAsync(Bench bench, StatementCount statements)
    {
        var rows = bench.Options.Rows ?? Rows;
        await using var target = await bench.NewTargetAsync();
        var backlog = await BacklogWriter.FillAsync(target, new OutboxBacklog(), rows);
        await using var side = SideProcess.Start(SideKind.Bus);
        await side.StartAsync(target.ForSide);
        await TopicEnd.ReachesAsync(bench, target.ForSide.Topic, rows / 10);
        await statements.ResetAsync();
        var begin = await TopicEnd.CountAsync(bench, target.ForSide.Topic);
        await TopicEnd.ReachesAsync(bench, target.ForSide.Topic, rows * 8L / 10);
        var calls = await statements.SumAsync();
        var end = await TopicEnd.CountAsync(bench, target.ForSide.Topic);
        var top = await statements.TopAsync();
        await DrainWatch.RunAsync(bench, target, backlog);
        await side.StopAsync();
        return (calls * 1000 / (end - begin), top);
    }

    private static async Task<(double Figure, IReadOnlyList<string> Statements)> IdleAsync(Bench bench, StatementCount statements)
    {
        var seconds = bench.Options.Seconds ?? Seconds;
        await using var target = await bench.NewTargetAsync();
        await using var side = SideProcess.Start(SideKind.Bus);
        await side.StartAsync(target.ForSide);
        await Task.Delay(TimeSpan.FromSeconds(3));
        await statements.ResetAsync();
        await Task.Delay(TimeSpan.FromSeconds(seconds));
        var calls = await statements.SumAsync();
        var top = await statements.TopAsync();
        await side.StopAsync();
        return (calls / seconds, top);
    }

    /// <summary>What a process sends that relays, less what the same commits cost without a relay, less what an idle relay sends.</summary>
    private static async Task<(double Figure, IReadOnlyList<string> Statements)> TrickleAsync(Bench bench, StatementCount statements, double idlePerSecond)
    {
        var (withRelay, top) = await CommitAsync(bench, statements, relays: true);
        var (without, _) = await CommitAsync(bench, statements, relays: false);
        return (withRelay - without - (idlePerSecond / CommitsPerSecond), top);
    }

    private static async Task<(double PerCommit, IReadOnlyList<string> Statements)> CommitAsync(Bench bench, StatementCount statements, bool relays)
    {
        await using var target = await bench.NewTargetAsync();
        await using var side = SideProcess.Start(SideKind.Bus);
        await side.StartAsync(target.ForSide with { Relays = relays });
        // Connections and what is asked only once.
        await side.RunAsync(new SideWork { PerSecond = CommitsPerSecond, Seconds = 3 });
        await statements.ResetAsync();
        var result = await side.RunAsync(new SideWork { PerSecond = CommitsPerSecond, Seconds = bench.Options.Seconds ?? Seconds });
        // The last drain's own end.
        await Task.Delay(TimeSpan.FromSeconds(1 / CommitsPerSecond));
        var calls = await statements.SumAsync();
        var top = await statements.TopAsync();
        await side.StopAsync();
        return (calls / result.Commits.Count, top);
    }
}
