using Cuckoo.EventBus.Benchmarks.Harness;
using Cuckoo.EventBus.Benchmarks.Sides;

namespace Cuckoo.EventBus.Benchmarks.Measures;

/// <summary>A row that is updated again and again while a transaction is held open leaves a version behind each time.</summary>
internal sealed class RelayLatencySnapshot : IMeasure
{
    private const int Claims = 100_000;

    /// <summary>A busy relay takes several commits by one claim, so there may have to be more of them.</summary>
    private const int MostCommitsPerClaim = 2;

    private const int CommitsAtOnce = 2_000;
    private const int Writers = 4;

    /// <summary>Whatever the relay keeps its claims in, it is neither the business table nor the events'.</summary>
    private const string UpdatesElsewhere =
        "SELECT coalesce(sum(n_tup_upd), 0)::bigint FROM pg_stat_user_tables WHERE relname NOT IN ('orders', 'outbox_messages')";

    public string Name => "relay-latency-snapshot";

    public string Description => "the same after 100,000 claims under a held transaction, against ours without";

    public async Task<IReadOnlyList<Line>> RunAsync(Bench bench)
    {
        var claims = bench.Options.Rows ?? Claims;
        var before = new List<string>();
        var results = await Rounds.AlternateAsync(
            bench,
            async () =>
            {
                HeldTransaction? held = null;
                try
                {
                    return await new CommitRun(bench)
                    {
                        Before = async (target, sides) =>
                        {
                            held = await HeldTransaction.ReadAsync(target);
                            before.Add(await ClaimAsync(bench, target, sides, claims));
                        },
                    }.RunAsync();
                }
                finally
                {
                    if (held is not null)
                    {
                        await held.DisposeAsync();
                    }
                }
            },
            () => new CommitRun(bench).RunAsync());
        return
        [
            Line.Of($"{Name}-p50", Rounds.Of(results, l => l.P50), "ms", Goal.AtMost(2)).With("before", before),
            Line.Of($"{Name}-p99", Rounds.Of(results, l => l.P99), "ms", Goal.None),
        ];
    }

    private static async Task<string> ClaimAsync(Bench bench, Target target, IReadOnlyList<SideProcess> sides, int claims)
    {
        var begin = await target.AskAsync<long>(UpdatesElsewhere);
        var sent = await TopicEnd.CountAsync(bench, target.ForSide.Topic);
        var commits = 0;
        var updates = 0L;
        while (updates < claims && commits < claims * MostCommitsPerClaim)
        {
            var work = new SideWork { Count = Math.Min(CommitsAtOnce, claims), Writers = Writers };
            await Task.WhenAll(sides.Select(side => side.RunAsync(work)));
            commits += work.Count * sides.Count;
            updates = await target.AskAsync<long>(UpdatesElsewhere) - begin;
        }

        await TopicEnd.ReachesAsync(bench, target.ForSide.Topic, sent + commits);
        var done = $"{commits} commits, {updates} updates of the relay's rows";
        Bench.Say(done);
        return done;
    }
}
