using Cuckoo.EventBus.Retrying;
using Cuckoo.EventBus.Storage;
using Microsoft.Extensions.Diagnostics.HealthChecks;

namespace Cuckoo.EventBus.Health;

/// <summary>
/// Degraded while there are parked records that nobody will run: the service works, and a person has to say whose they are.
/// Unhealthy if the database does not answer. Safe for concurrent use.
/// </summary>
internal sealed class ParkedHealthCheck(EventBusDatabases databases, BusSettings settings) : IHealthCheck
{
    public async Task<HealthCheckResult> CheckHealthAsync(HealthCheckContext context, CancellationToken cancellationToken = default)
    {
        var verdict = new Verdict();
        foreach (var database in databases.All)
        {
            // A process without consumers on this database, a web front for instance, is not the one to judge.
            var consumers = new KnownConsumers(database, databases, settings);
            if (consumers.IsEmpty)
            {
                continue;
            }

            try
            {
                var reader = new ParkedReader(database);
                foreach (var place in await reader.PlacesAsync(place => !consumers.Reads(place.Group, place.Consumer, place.Topic), cancellationToken).ConfigureAwait(false))
                {
                    verdict.Data[$"{database.Name} {place.Group}/{place.Consumer}/{place.Topic}"] = place.Rows;
                    verdict.Degraded(
                        $"{database.Name} has {place.Rows} parked records of consumer '{place.Consumer}' in group '{place.Group}' from topic '{place.Topic}', which is not among this service's consumers: hand them to the consumer that has another name now, or reject them, by IParkedAdministration.");
                }
            }
            catch (Exception e) when (e is not OperationCanceledException)
            {
                verdict.Unreadable($"The parked records of {database.Name}", e);
            }
        }

        return verdict.Result();
    }
}
