namespace Cuckoo.EventBus.Chaos.Faults;

/// <summary>
/// SIGSTOP for longer than the lease of three seconds, then SIGCONT: someone else has its lanes by then, and it goes on in the
/// middle of whatever it was doing.
/// </summary>
internal sealed class WorkerStop : Fault
{
    private static readonly TimeSpan Least = TimeSpan.FromSeconds(3.5);
    private static readonly TimeSpan Most = TimeSpan.FromSeconds(8);

    public override async Task StrikeAsync(Targets targets, Random random, CancellationToken ct)
    {
        var slot = random.Next(targets.Workers.Slots);
        var length = random.Between(Least, Most);

        var worker = await targets.Workers.InSlotAsync(slot, ct);
        worker.Stop();
        targets.Journal.Add($"worker {worker.Name} is stopped");
        try
        {
            await Task.Delay(length, ct);
        }
        finally
        {
            worker.Continue();
            targets.Journal.Add($"worker {worker.Name} continues");
        }
    }
}
