namespace Cuckoo.EventBus.Chaos.Faults;

/// <summary>A worker is told to end, finishes what it is doing and hands over; another one takes its place.</summary>
internal sealed class WorkerLeave : Fault
{
    public override async Task StrikeAsync(Targets targets, Random random, CancellationToken ct)
    {
        var slot = random.Next(targets.Workers.Slots);

        var worker = await targets.Workers.InSlotAsync(slot, ct);
        targets.Journal.Add($"worker {worker.Name} is told to end");
        await worker.TerminateAsync();
        targets.Journal.Add($"worker {worker.Name} has ended");
    }
}
