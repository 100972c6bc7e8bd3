namespace Cuckoo.EventBus.Chaos.Faults;

/// <summary>The database breaks off what runs, or ends at once and recovers from its log; it is away for a moment.</summary>
internal sealed class DatabaseRestart : Fault
{
    private static readonly TimeSpan Longest = TimeSpan.FromSeconds(3);

    public override async Task StrikeAsync(Targets targets, Random random, CancellationToken ct)
    {
        var isImmediate = random.Chance(0.5);
        var length = random.Between(TimeSpan.Zero, Longest);

        await targets.Servers.Postgres.StopAsync(isImmediate ? PosixSignalNumber.Quit : PosixSignalNumber.Interrupt);
        targets.Journal.Add(isImmediate ? "the database ends at once" : "the database stops");
        try
        {
            await Task.Delay(length, ct);
        }
        finally
        {
            await targets.Servers.Postgres.StartAsync();
            targets.Journal.Add("the database is back");
        }
    }
}
