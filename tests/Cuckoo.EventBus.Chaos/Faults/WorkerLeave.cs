namespace Cuckoo.EventBus.Chaos.Faults;

/// <summary>A worker is told to end, finishes what it is doing and hands over; another one takes its place.</summary>
/// <param name="begun">What it writes when it has something to hand over, and how long that is waited for; without it, it goes at once.</param>
internal sealed class WorkerLeave((string Sign, TimeSpan Limit)? begun = null) : Fault
{
    public override async Task StrikeAsync(Targets targets, Random random, CancellationToken ct)
    {
        var worker = await targets.Workers.InSlotAsync(random.Next(targets.Workers.Slots), ct);
        if (begun is var (sign, limit))
        {
            await Patience.WithinAsync(limit, () => worker.HasSaid(sign) || worker.HasEnded, ct);
        }

        targets.Journal.Add($"worker {worker.Name} is told to end");
        await worker.TerminateAsync();
        targets.Journal.Add($"worker {worker.Name} has ended");
    }
}
