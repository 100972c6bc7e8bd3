using Cuckoo.EventBus.Outbox;
using Cuckoo.EventBus.Storage;
using Microsoft.Extensions.Diagnostics.HealthChecks;

namespace Cuckoo.EventBus.Health;

/// <summary>
/// Degraded while an outbox has dead events, or its oldest one waits too long: the service works, and a person has to look.
/// Unhealthy where the options say from when on, and if the database does not answer. Safe for concurrent use.
/// </summary>
internal sealed class OutboxHealthCheck(EventBusDatabases databases, BusSettings settings, TimeProvider time) : IHealthCheck
{
    private HealthOptions Limits => settings.Options.Health;

    public async Task<HealthCheckResult> CheckHealthAsync(HealthCheckContext context, CancellationToken cancellationToken = default)
    {
        var verdict = new Verdict();
        foreach (var database in databases.All)
        {
            try
            {
                await using var session = await database.OpenAsync(cancellationToken).ConfigureAwait(false);
                Judge(database.Name, await OutboxStatus.AskAsync(session, new LaneSql(database.Layout), time, cancellationToken).ConfigureAwait(false), verdict);
            }
            catch (Exception e) when (e is not OperationCanceledException)
            {
                verdict.Unreadable($"The outbox of {database.Name}", e);
            }
        }

        return verdict.Result();
    }

    private void Judge(string name, OutboxStatus status, Verdict verdict)
    {
        verdict.Data[$"{name} pending"] = status.Pending;
        verdict.Data[$"{name} oldest age (s)"] = Math.Round(status.OldestAge.TotalSeconds, 1);
        verdict.Data[$"{name} dead"] = status.Dead;
        if (status.Dead >= Limits.OutboxDegradedDead)
        {
            verdict.Beyond(status.Dead >= Limits.OutboxUnhealthyDead, $"{name} has {status.Dead} dead events: list them by IOutboxAdministration, then requeue or discard them.");
        }

        if (status.OldestAge > Limits.OutboxDegradedAge)
        {
            verdict.Beyond(
                status.OldestAge > Limits.OutboxUnhealthyAge,
                $"The oldest event of {name} has waited {status.OldestAge.TotalSeconds:F0} s to be sent (EventBus:Health:OutboxDegradedAge is {Limits.OutboxDegradedAge.TotalSeconds:F0} s): look for the broker, or for a relay that runs.");
        }
    }
}
