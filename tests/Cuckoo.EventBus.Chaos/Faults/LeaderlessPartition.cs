using Cuckoo.EventBus.Chaos.Servers;

namespace Cuckoo.EventBus.Chaos.Faults;

/// <summary>
/// One partition has no leader for a while: the only broker that has it is killed. The others go on, and it says how many
/// records reached them meanwhile.
/// </summary>
internal sealed class LeaderlessPartition : Fault
{
    private static readonly TimeSpan Least = TimeSpan.FromSeconds(6);
    private static readonly TimeSpan Most = TimeSpan.FromSeconds(12);

    public override async Task StrikeAsync(Targets targets, Random random, CancellationToken ct)
    {
        var length = random.Between(Least, Most);

        var node = targets.Servers.Kafka.Nodes[0];
        await node.KillAsync();
        var before = targets.Records.CountOutside(KafkaCluster.LonelyPartition);
        targets.Journal.Add($"partition {KafkaCluster.LonelyPartition} has no leader");
        try
        {
            await Task.Delay(length, ct);
        }
        finally
        {
            var meanwhile = targets.Records.CountOutside(KafkaCluster.LonelyPartition) - before;
            await node.StartAsync();
            await node.AnswersAsync();
            targets.Journal.Add($"partition {KafkaCluster.LonelyPartition} has a leader again, after {length.TotalSeconds:0} s in which {meanwhile} records reached the others");
        }
    }
}
