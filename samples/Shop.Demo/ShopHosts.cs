using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Routing;
using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Shop.Inventory;
using Shop.Notifications;
using Shop.Orders;
using Shop.Payments;

namespace Shop.Demo;

/// <summary>The four services, each a host of its own with its own service provider, database and port.</summary>
internal sealed class ShopHosts : IAsyncDisposable
{
    private readonly Dictionary<string, WebApplication> _hosts = [];

    /// <summary>Where the orders service listens.</summary>
    public Uri OrdersAddress => new(_hosts[Flow.Orders].Urls.First());

    public async Task StartAsync(Broker broker, Databases databases, Run run, RecentLog log, CancellationToken ct)
    {
        Add(Flow.Orders, builder => builder.AddOrders(), app => app.MapOrders());
        Add(Flow.Payments, builder => builder.AddPayments(), app => app.MapPayments());
        Add(Flow.Inventory, builder => builder.AddInventory(), app => app.MapInventory());
        Add(Flow.Notifications, builder => builder.AddNotifications(), app => app.MapNotifications());
        await Task.WhenAll(_hosts.Values.Select(host => host.StartAsync(ct)));

        void Add(string name, Action<IHostApplicationBuilder> add, Action<IEndpointRouteBuilder> map)
        {
            var builder = WebApplication.CreateSlimBuilder();
            builder.Configuration.Sources.Clear();
            builder.Configuration.AddInMemoryCollection(
            [
                .. broker.Settings(),
                new($"ConnectionStrings:{name}", databases.ConnectionString(name)),
                new("EventBus:TopicPrefix", run.Prefix),
                new("EventBus:ServiceName", run.Prefix + name),
            ]);
            builder.Logging.ClearProviders().AddProvider(log.For(name));
            builder.WebHost.UseUrls("http://127.0.0.1:0");
            add(builder);
            var app = builder.Build();
            map(app);
            _hosts.Add(name, app);
        }
    }

    /// <summary>Asks a service's database.</summary>
    public async Task<T> QueryAsync<TContext, T>(string service, Func<TContext, Task<T>> query)
        where TContext : DbContext
    {
        await using var scope = _hosts[service].Services.CreateAsyncScope();
        return await query(scope.ServiceProvider.GetRequiredService<TContext>());
    }

    /// <summary>Asks the same of the bus's tables in every service's database.</summary>
    public async Task<IReadOnlyDictionary<string, T>> QueryEachAsync<T>(Func<DbContext, Task<T>> query) => new Dictionary<string, T>
    {
        [Flow.Orders] = await QueryAsync<OrdersDbContext, T>(Flow.Orders, query),
        [Flow.Payments] = await QueryAsync<PaymentsDbContext, T>(Flow.Payments, query),
        [Flow.Inventory] = await QueryAsync<InventoryDbContext, T>(Flow.Inventory, query),
        [Flow.Notifications] = await QueryAsync<NotificationsDbContext, T>(Flow.Notifications, query),
    };

    public async ValueTask DisposeAsync()
    {
        await Task.WhenAll(_hosts.Values.Select(host => host.StopAsync()));
        foreach (var host in _hosts.Values)
        {
            await host.DisposeAsync();
        }
    }
}
