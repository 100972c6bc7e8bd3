namespace Cuckoo.EventBus.Chaos.Faults;

/// <summary>Kills and faults, each with its own sequence from the seed, until there were enough of them.</summary>
/// <param name="options">Seed, and how many or how long.</param>
/// <param name="scenario">What strikes.</param>
/// <param name="targets">Whom.</param>
internal sealed class Strikes(ChaosOptions options, Scenario scenario, Targets targets)
{
    // About three seconds a kill, with what it waits for a worker to be ready: two hundred in ten minutes.
    private static readonly TimeSpan ShortestPauseBetweenKills = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan LongestPauseBetweenKills = TimeSpan.FromSeconds(4);

    /// <summary>So many kills strike whoever it is; the others wait for a worker that works, where starting takes long.</summary>
    private const double KillsWithoutWaiting = 0.2;

    private static readonly TimeSpan LongestPauseBetweenFaults = TimeSpan.FromSeconds(3);

    public int Kills { get; private set; }

    public async Task RunAsync(CancellationToken ct)
    {
        using var enough = CancellationTokenSource.CreateLinkedTokenSource(ct);
        if (options.Duration is { } duration)
        {
            enough.CancelAfter(duration);
        }

        var kills = scenario.Kills ? UntilEnoughAsync(() => KillAsync(targets.Workers, enough.Token), enough) : Task.CompletedTask;
        var faults = scenario.Faults.Count > 0 ? UntilEnoughAsync(() => FaultsAsync(enough.Token), enough) : Task.CompletedTask;
        await Task.WhenAll(kills, faults);
        ct.ThrowIfCancellationRequested();
    }

    /// <summary>The first to end, or to fail, ends the others.</summary>
    private static async Task UntilEnoughAsync(Func<Task> strike, CancellationTokenSource enough)
    {
        try
        {
            await strike();
        }
        catch (OperationCanceledException) when (enough.IsCancellationRequested)
        {
            // Enough.
        }
        finally
        {
            await enough.CancelAsync();
        }
    }

    private async Task KillAsync(Workers.WorkerPool workers, CancellationToken ct)
    {
        var random = new Random(options.Seed);
        while (Kills < (options.Kills ?? int.MaxValue))
        {
            var pause = random.Between(ShortestPauseBetweenKills, LongestPauseBetweenKills);
            var slot = random.Next(workers.Slots);
            var waits = !random.Chance(KillsWithoutWaiting);
            await Task.Delay(pause, ct);
            var worker = await workers.InSlotAsync(slot, ct);
            if (waits)
            {
                await targets.UntilBegunAsync(worker, ct);
            }

            worker.Kill();
            Kills++;
            targets.Journal.Add($"worker {worker.Name} is killed");
        }
    }

    private async Task FaultsAsync(CancellationToken ct)
    {
        var seeds = new Random(options.Seed + 1);
        while (true)
        {
            // Each has a source of its own: how many draws one of them makes changes nothing for the next.
            var random = new Random(seeds.Next());
            var fault = random.OneOf(scenario.Faults);
            await Task.Delay(random.Between(TimeSpan.Zero, LongestPauseBetweenFaults), ct);
            await fault.StrikeAsync(targets, random, ct);
        }
    }
}
