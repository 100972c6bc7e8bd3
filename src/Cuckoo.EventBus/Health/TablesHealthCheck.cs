using Cuckoo.EventBus.Storage;
using Microsoft.Extensions.Diagnostics.HealthChecks;

namespace Cuckoo.EventBus.Health;

/// <summary>
/// Unhealthy while a database lacks a table or a column of the bus, as one does whose migration nobody has applied, or does not
/// answer. Safe for concurrent use.
/// </summary>
internal sealed class TablesHealthCheck(EventBusDatabases databases) : IHealthCheck
{
    public async Task<HealthCheckResult> CheckHealthAsync(HealthCheckContext context, CancellationToken cancellationToken = default)
    {
        var verdict = new Verdict();
        foreach (var database in databases.All)
        {
            try
            {
                var errors = await SchemaCheck.LookAsync(database, cancellationToken).ConfigureAwait(false);
                verdict.Data[$"{database.Name} tables"] = errors.Count == 0 ? "as this version needs them" : "missing or old";
                foreach (var error in errors)
                {
                    verdict.Unhealthy(error);
                }
            }
            catch (Exception e) when (e is not OperationCanceledException)
            {
                verdict.Unreadable($"The tables of {database.Name}", e);
            }
        }

        return verdict.Result();
    }
}
