using Cuckoo.EventBus.Kafka;
using Cuckoo.EventBus.Storage;

namespace Cuckoo.EventBus.Retrying;

/// <summary>One watch for each database that consumers use, and one for the broker. Not for concurrent use, but for <see cref="Stop"/>.</summary>
internal sealed class OutageWatches(BrokerProbe broker, string? topic, TimeProvider time)
{
    /// <summary>A server that needs longer for SELECT 1 on a new connection is as good as away.</summary>
    private static readonly TimeSpan ProbeLimit = TimeSpan.FromSeconds(5);

    private readonly Dictionary<EventBusDatabase, OutageWatch> _databases = [];

    public OutageWatch Broker { get; } = new(
        PauseReason.BrokerAway,
        "Kafka",
        async _ => await broker.AnswersAsync(topic).ConfigureAwait(false) ? null : "no broker answers within 5 s.",
        time);

    /// <summary>The watch of a database, whose outages pause the consumer from now on.</summary>
    public OutageWatch Of(EventBusDatabase database, ConsumerGate gate)
    {
        if (!_databases.TryGetValue(database, out var watch))
        {
            _databases[database] = watch = new OutageWatch(PauseReason.DatabaseAway, $"The database of {database.Name}", ct => AskAsync(database, ct), time);
        }

        watch.Add(gate);
        return watch;
    }

    public void Stop()
    {
        Broker.Stop();
        foreach (var watch in _databases.Values)
        {
            watch.Stop();
        }
    }

    private async Task<string?> AskAsync(EventBusDatabase database, CancellationToken ct)
    {
        using var limit = new CancellationTokenSource(ProbeLimit, time);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(ct, limit.Token);
        try
        {
            await using var session = await database.OpenAsync(either.Token).ConfigureAwait(false);
            await using var command = session.Command("SELECT 1");
            await command.ExecuteScalarAsync(either.Token).ConfigureAwait(false);
            return null;
        }
        catch (Exception e)
        {
            // No answer is the answer, whatever form it takes.
            return $"{e.GetType().Name}: {e.GetBaseException().Message}";
        }
    }
}
