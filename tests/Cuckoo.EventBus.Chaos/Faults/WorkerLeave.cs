namespace Cuckoo.EventBus.Chaos.Faults;

/// <summary>A worker is told to end, finishes what it is doing and hands over; another one takes its place.</summary>
/// <param name="waits">Whether until it works, and so has something to hand over.</param>
internal sealed class WorkerLeave(bool waits) : Fault
{
    public override async Task StrikeAsync(Targets targets, Random random, CancellationToken ct)
    {
        var worker = await targets.Workers.InSlotAsync(random.Next(targets.Workers.Slots), ct);
        if (waits)
        {
            await targets.UntilBegunAsync(worker, ct);
        }

        targets.Journal.Add($"worker {worker.Name} is told to end");
        await worker.TerminateAsync();
        targets.Journal.Add($"worker {worker.Name} has ended");
    }
}
