using System.Diagnostics;
using Cuckoo.EventBus.Benchmarks.Backlog;
using Npgsql;

namespace Cuckoo.EventBus.Benchmarks.Harness;

/// <summary>
/// Watches a backlog being drained from outside, by the topic's end: counting the table's rows would walk over all that are
/// deleted. It ends when everything is in the topic and the last rows are deleted.
/// </summary>
internal static class DrainWatch
{
    /// <summary>Often enough for a drain of seconds, seldom enough not to matter to it.</summary>
    private static readonly TimeSpan Pause = TimeSpan.FromMilliseconds(50);

    /// <summary>Close to the end, whose moment counts.</summary>
    private static readonly TimeSpan ShortPause = TimeSpan.FromMilliseconds(5);

    /// <summary>Without any progress.</summary>
    private static readonly TimeSpan Patience = TimeSpan.FromMinutes(1);

    public static async Task<DrainResult> RunAsync(Bench bench, Target target, FilledBacklog backlog)
    {
        var samples = new List<DrainSample>();
        var clock = Stopwatch.StartNew();
        var changed = clock.Elapsed;
        var count = 0L;
        while (count < backlog.Rows)
        {
            await Task.Delay(count > backlog.Rows * 0.9 ? ShortPause : Pause);
            var now = await TopicEnd.CountAsync(bench, target.ForSide.Topic);
            if (now != count)
            {
                count = now;
                changed = clock.Elapsed;
                samples.Add(new DrainSample(clock.Elapsed, Math.Min(count, backlog.Rows)));
            }
            else if (clock.Elapsed - changed > Patience)
            {
                throw new MeasureFailedException($"{count} of {backlog.Rows} rows were sent, then none for {Patience.TotalSeconds} s.");
            }
        }

        await DeletedAsync(target, backlog);
        samples.Add(new DrainSample(clock.Elapsed, backlog.Rows));
        return new DrainResult(samples, await TopicEnd.CountAsync(bench, target.ForSide.Topic) - backlog.Rows);
    }

    private static async Task DeletedAsync(Target target, FilledBacklog backlog)
    {
        using var limit = new CancellationTokenSource(Patience);
        await using var connection = new NpgsqlConnection(target.ConnectionString);
        await connection.OpenAsync(limit.Token);
        await using var command = new NpgsqlCommand($"SELECT EXISTS (SELECT 1 FROM {backlog.Table} WHERE id = ANY($1))", connection)
        {
            Parameters = { new NpgsqlParameter<long[]> { TypedValue = backlog.LastIds } },
        };
        while ((bool)(await command.ExecuteScalarAsync(limit.Token))!)
        {
            await Task.Delay(ShortPause, limit.Token);
        }
    }
}
