using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;

namespace Shop.ServiceDefaults;

/// <summary>Creates the database and its tables, the bus's among them, if they are not there.</summary>
/// <remarks>
/// Good enough for a sample that one can throw away. A service that lives longer adds a migration
/// (<c>dotnet ef migrations add</c>) and applies it when it is deployed: <c>EnsureCreated</c> never changes a table.
/// </remarks>
internal sealed class CreateDatabase<TContext>(IServiceScopeFactory scopes) : IHostedService
    where TContext : DbContext
{
    public async Task StartAsync(CancellationToken cancellationToken)
    {
        await using var scope = scopes.CreateAsyncScope();
        await scope.ServiceProvider.GetRequiredService<TContext>().Database.EnsureCreatedAsync(cancellationToken);
    }

    public Task StopAsync(CancellationToken cancellationToken) => Task.CompletedTask;
}
