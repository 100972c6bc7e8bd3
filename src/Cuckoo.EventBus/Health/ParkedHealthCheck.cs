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
        var problems = new List<string>();
        var data = new Dictionary<string, object>(StringComparer.Ordinal);
        foreach (var database in databases.All)
        {
            // A process without consumers on this database, a web front for instance, is not the one to judge.
            var consumers = new KnownConsumers(database, databases, settings);
            if (consumers.IsEmpty)
            {
                continue;
            }

            IReadOnlyList<ParkedPlace> nobodys;
            try
            {
                nobodys = await new ParkedReader(database).PlacesAsync(place => !consumers.Reads(place.Group, place.Consumer, place.Topic), cancellationToken).ConfigureAwait(false);
            }
            catch (Exception e) when (e is not OperationCanceledException)
            {
                return HealthCheckResult.Unhealthy($"The parked records of {database.Name} can't be read.", e, data);
            }

            foreach (var place in nobodys)
            {
                data[$"{database.Name} {place.Group}/{place.Consumer}/{place.Topic}"] = place.Rows;
                problems.Add(
                    $"{database.Name} has {place.Rows} parked records of consumer '{place.Consumer}' in group '{place.Group}' from topic '{place.Topic}', which is not among this service's consumers: hand them to the consumer that has another name now, or reject them, by IParkedAdministration.");
            }
        }

        return problems.Count == 0 ? HealthCheckResult.Healthy(data: data) : HealthCheckResult.Degraded(string.Join(" ", problems), data: data);
    }
}
