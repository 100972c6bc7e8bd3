using Cuckoo.EventBus.Outbox;
using Cuckoo.EventBus.Storage;
using Microsoft.Extensions.Diagnostics.HealthChecks;

namespace Cuckoo.EventBus.Health;

/// <summary>
/// Degraded while an outbox has dead events, or its oldest one waits too long: the service works, and a person has to look.
/// Unhealthy if the database does not answer. Safe for concurrent use.
/// </summary>
internal sealed class OutboxHealthCheck(EventBusDatabases databases, BusSettings settings, TimeProvider time) : IHealthCheck
{
    public async Task<HealthCheckResult> CheckHealthAsync(HealthCheckContext context, CancellationToken cancellationToken = default)
    {
        var problems = new List<string>();
        var data = new Dictionary<string, object>(StringComparer.Ordinal);
        foreach (var database in databases.All)
        {
            OutboxStatus status;
            try
            {
                await using var session = await database.OpenAsync(cancellationToken).ConfigureAwait(false);
                status = await OutboxStatus.AskAsync(session, new LaneSql(database.Layout), time, cancellationToken).ConfigureAwait(false);
            }
            catch (Exception e) when (e is not OperationCanceledException)
            {
                return HealthCheckResult.Unhealthy($"The outbox of {database.Name} can't be read.", e, data);
            }

            data[$"{database.Name} pending"] = status.Pending;
            data[$"{database.Name} oldest age (s)"] = Math.Round(status.OldestAge.TotalSeconds, 1);
            data[$"{database.Name} dead"] = status.Dead;
            if (status.Dead > 0)
            {
                problems.Add($"{database.Name} has {status.Dead} dead events: list them by IOutboxAdministration, then requeue or discard them.");
            }

            if (status.OldestAge > settings.Options.Relay.MaxAge)
            {
                problems.Add($"The oldest event of {database.Name} has waited {status.OldestAge.TotalSeconds:F0} s to be sent (EventBus:Relay:MaxAge is {settings.Options.Relay.MaxAge.TotalSeconds:F0} s): look for the broker, or for a relay that runs.");
            }
        }

        return problems.Count == 0 ? HealthCheckResult.Healthy(data: data) : HealthCheckResult.Degraded(string.Join(" ", problems), data: data);
    }
}
