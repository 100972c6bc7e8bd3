using Cuckoo.EventBus.Chaos.Servers;

namespace Cuckoo.EventBus.Chaos.Faults;

/// <summary>
/// Connections of workers are closed, reset, or swallow what one side says: of one worker to the database, of all of them to a
/// broker or to Kafka as a whole. When a silence ends, what was swallowed arrives: late deletes, late commits, late
/// acknowledgements.
/// </summary>
internal sealed class ConnectionCut : Fault
{
    private static readonly TimeSpan Least = TimeSpan.FromSeconds(0.2);

    /// <summary>Longer than the lease.</summary>
    private static readonly TimeSpan Most = TimeSpan.FromSeconds(7);

    public override async Task StrikeAsync(Targets targets, Random random, CancellationToken ct)
    {
        var nodes = targets.Servers.Kafka.Nodes;
        var slot = random.Next(targets.Workers.Slots);
        var node = random.OneOf(nodes);
        var (who, proxies) = random.Next(4) switch
        {
            0 => ($"between broker {node.Id} and all workers", [KafkaCluster.ProxyOf(node.Id)]),
            1 => ("between Kafka and all workers", [.. nodes.Select(n => KafkaCluster.ProxyOf(n.Id))]),
            _ => ($"between the database and the worker in slot {slot}", (string[])[Targets.DatabaseProxyOf(slot)]),
        };
        var length = random.Between(Least, Most);
        var network = targets.Servers.Network!;
        (string What, Func<string, Task> CutAsync) way = random.Next(4) switch
        {
            0 => ("closed", network.CloseAsync),
            1 => ("reset", network.ResetAsync),
            2 => ("deaf: no answer arrives", name => network.SilenceAsync(name, answers: true)),
            _ => ("mute: no request arrives", name => network.SilenceAsync(name, answers: false)),
        };

        targets.Journal.Add($"connections {who} are {way.What}");
        try
        {
            await Task.WhenAll(proxies.Select(way.CutAsync));
            await Task.Delay(length, ct);
        }
        finally
        {
            await network.HealAsync();
            targets.Journal.Add($"connections {who} are well again");
        }
    }
}
