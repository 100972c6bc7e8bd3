namespace Cuckoo.EventBus.Chaos.Faults;

/// <summary>
/// SIGSTOP for longer than the others wait for it (its lease, its session), then SIGCONT: someone else has its work by then,
/// and it goes on in the middle of whatever it was doing.
/// </summary>
internal sealed class WorkerStop(TimeSpan least, TimeSpan most) : Fault
{
    public override async Task StrikeAsync(Targets targets, Random random, CancellationToken ct)
    {
        var slot = random.Next(targets.Workers.Slots);
        var length = random.Between(least, most);

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
