using System.Data.Common;
using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;

namespace Shop.ServiceDefaults;

/// <summary>Creates the database and its tables, the bus's among them, if they are not there. Waits for a server that is away.</summary>
/// <remarks>
/// Good enough for a sample that one can throw away. A service that lives longer adds a migration
/// (<c>dotnet ef migrations add</c>) and applies it when it is deployed: <c>EnsureCreated</c> never changes a table.
/// </remarks>
internal sealed class CreateDatabase<TContext>(IServiceScopeFactory scopes, TimeProvider time, ILogger<CreateDatabase<TContext>> logger) : IHostedService
    where TContext : DbContext
{
    private static readonly TimeSpan AskAgain = TimeSpan.FromSeconds(1);

    public async Task StartAsync(CancellationToken cancellationToken)
    {
        while (true)
        {
            try
            {
                await using var scope = scopes.CreateAsyncScope();
                await scope.ServiceProvider.GetRequiredService<TContext>().Database.EnsureCreatedAsync(cancellationToken);
                return;
            }
            // Npgsql's execution strategy wraps what is transient.
            catch (Exception e) when ((e as DbException ?? e.InnerException as DbException) is { } reason && MayPass(reason))
            {
                logger.LogWarning("The database is not ready, asking again: {Reason}", reason.Message);
                await Task.Delay(AskAgain, time, cancellationToken);
            }
        }
    }

    public Task StopAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    /// <summary>
    /// The server is away, or another instance that started together with this one was first: duplicate database, duplicate
    /// table, unique violation in the catalogue.
    /// </summary>
    private static bool MayPass(DbException e) => e.IsTransient || e.SqlState is "42P04" or "42P07" or "23505";
}
