namespace Cuckoo.EventBus.Chaos.Faults;

/// <summary>
/// Every second someone joins the workers' consumer group, and someone who did so before leaves it; now and then a worker leaves
/// too, and another one takes its place.
/// </summary>
internal sealed class GroupStorm(TimeSpan least, TimeSpan most) : Fault
{
    private const int MostGuests = 2;

    private const double WorkersLeave = 0.15;

    private static readonly TimeSpan Interval = TimeSpan.FromSeconds(1);

    public override async Task StrikeAsync(Targets targets, Random random, CancellationToken ct)
    {
        var length = random.Between(least, most);
        var leaving = new Random(random.Next());

        var guests = new Queue<IAsyncDisposable>();
        var leaves = new List<Task>();
        targets.Journal.Add("members of the group come and go every second");
        try
        {
            for (var passed = TimeSpan.Zero; passed < length; passed += Interval)
            {
                guests.Enqueue(targets.JoinGroup!());
                if (guests.Count > MostGuests)
                {
                    await guests.Dequeue().DisposeAsync();
                }

                if (leaving.Chance(WorkersLeave))
                {
                    leaves.Add(new WorkerLeave(waits: false).StrikeAsync(targets, leaving, ct));
                }

                await Task.Delay(Interval, ct);
            }

            await Task.WhenAll(leaves);
        }
        finally
        {
            await Task.WhenAll(guests.Select(guest => guest.DisposeAsync().AsTask()));
            targets.Journal.Add("the group is among itself again");
        }
    }
}
