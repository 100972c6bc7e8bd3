namespace Cuckoo.EventBus.Chaos.Faults;

/// <summary>kill -9 of a broker, which comes back with its records.</summary>
internal sealed class BrokerKill : Fault
{
    private static readonly TimeSpan Longest = TimeSpan.FromSeconds(5);

    public override async Task StrikeAsync(Targets targets, Random random, CancellationToken ct)
    {
        var node = random.OneOf(targets.Servers.Kafka.Nodes);
        var length = random.Between(TimeSpan.Zero, Longest);

        await node.KillAsync();
        targets.Journal.Add($"broker {node.Id} is killed");
        try
        {
            await Task.Delay(length, ct);
        }
        finally
        {
            await node.StartAsync();
            await node.AnswersAsync();
            targets.Journal.Add($"broker {node.Id} is back");
        }
    }
}
