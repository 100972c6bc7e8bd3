using Cuckoo.EventBus.Kafka;
using Microsoft.Extensions.Diagnostics.HealthChecks;

namespace Cuckoo.EventBus.Health;

/// <summary>
/// Whether a broker answers. Degraded where the service has an outbox: it goes on taking requests, and what it publishes waits
/// there. Unhealthy where it has none, since then publishing fails. Safe for concurrent use.
/// </summary>
internal sealed class BrokerHealthCheck(BusSettings settings, BrokerProbe broker) : IHealthCheck
{
    public async Task<HealthCheckResult> CheckHealthAsync(HealthCheckContext context, CancellationToken cancellationToken = default)
    {
        var verdict = new Verdict();
        verdict.Data["bootstrap servers"] = settings.Options.BootstrapServers;
        if (!settings.Options.Relay.Enabled && !settings.Options.ConsumersEnabled)
        {
            verdict.Data["roles"] = "none: this process talks to no broker";
            return verdict.Result();
        }

        if (!await broker.AnswersAsync(settings.AnyTopic).WaitAsync(cancellationToken).ConfigureAwait(false))
        {
            var problem = $"No broker of {settings.Options.BootstrapServers} answers within 5 s: look whether it runs, and at the network, the rights and the certificates between.";
            if (settings.Outboxes.Count > 0)
            {
                verdict.Degraded($"{problem} Events wait in the outbox meanwhile.");
            }
            else
            {
                verdict.Unhealthy(problem);
            }
        }

        return verdict.Result();
    }
}
