using System.Net.Http.Json;
using System.Text;
using Cuckoo.EventBus;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.Logging;
using Samples.Tests.Readme;

namespace Samples.Tests;

/// <summary>README's two services as they stand there.</summary>
public sealed class ReadmeServicesTests(KafkaFixture kafka, PostgresFixture postgres)
{
    [Fact]
    public async Task An_order_posted_to_the_first_is_charged_by_the_second()
    {
        await using var orders = await postgres.CreateAsync<OrdersDbContext>();
        await using var payments = await postgres.CreateAsync<PaymentsDbContext>();
        await using var bus = await TestBus.CreateAsync(kafka, "order-events", "payment-events");
        await using var ordersService = OrdersService.Build(Builder(bus.Configuration("orders"), ("orders", orders)));
        await using var paymentsService = PaymentsService.Build(Builder(bus.Configuration("payments"), ("payments", payments)));
        await ordersService.StartAsync();
        await paymentsService.StartAsync();

        var order = await PostAsync(ordersService, "12.50");

        await Eventually.Equal($"{order} 12.50", () => payments.AskAsync<PaymentsDbContext, string>(async db => string.Join(", ", await db.Payments.Select(p => $"{p.OrderId} {p.Amount}").ToListAsync())));
        var paid = Assert.Single(await bus.ReadAsync("payment-events", 1));
        Assert.Equal(order.ToString(), paid.KeyText);
    }

    [Fact]
    public async Task The_first_runs_on_the_embedded_broker_as_the_README_says() => await TestingAService.OnEmbeddedKafkaAsync(async kafka =>
    {
        await using var orders = await postgres.CreateAsync<OrdersDbContext>();
        var settings = kafka.ConsumerSettings.ToDictionary(s => $"EventBus:Kafka:Consumer:{s.Key}", s => (string?)s.Value);
        settings["EventBus:BootstrapServers"] = kafka.BootstrapServers;
        await using var ordersService = OrdersService.Build(Builder(settings, ("orders", orders)));
        await ordersService.StartAsync();

        await PostAsync(ordersService, "1");

        await Eventually.Equal(0, () => orders.AskAsync<OrdersDbContext, int>(db => db.Database.SqlQuery<int>($"SELECT COUNT(*)::int AS \"Value\" FROM outbox_messages").SingleAsync()));
    });

    [Fact]
    public async Task Its_consumer_can_be_called_by_a_unit_test()
    {
        await using var payments = await postgres.CreateAsync<PaymentsDbContext>();
        await using var db = payments.CreateContext<PaymentsDbContext>();
        var events = new NotedEvents();
        var order = Guid.NewGuid();

        await TestingAService.ConsumeAsync(new ChargeOrder(db, events), new OrderCreatedEvent(order, 5m), TestContext.Current.CancellationToken);

        Assert.Equal(order, Assert.Single(db.Payments.Local).OrderId);
        Assert.Equal(5m, Assert.IsType<PaymentSuccessEvent>(Assert.Single(events.Published)).Total);
    }

    /// <summary>With README's appsettings.json, below what this machine has elsewhere.</summary>
    private static WebApplicationBuilder Builder(IEnumerable<KeyValuePair<string, string?>> settings, (string Name, TestDatabase Database) database)
    {
        var builder = WebApplication.CreateSlimBuilder();
        builder.Configuration.Sources.Clear();
        builder.Configuration.AddJsonStream(new MemoryStream(Encoding.UTF8.GetBytes(Assert.Single(Markdown.Read("README.md").CodeBlocks("json")).Text)));
        builder.Configuration.AddInMemoryCollection(settings);
        builder.Configuration.AddInMemoryCollection([new($"ConnectionStrings:{database.Name}", database.Database.ConnectionString)]);
        builder.Logging.ClearProviders().AddProvider(new LogCapture());
        builder.WebHost.UseUrls("http://127.0.0.1:0");
        return builder;
    }

    private static async Task<Guid> PostAsync(WebApplication service, string total)
    {
        using var http = new HttpClient { BaseAddress = new Uri(service.Urls.First()) };
        using var response = await http.PostAsync(new Uri($"/orders?total={total}", UriKind.Relative), null);
        response.EnsureSuccessStatusCode();
        return await response.Content.ReadFromJsonAsync<Guid>();
    }

    private sealed class NotedEvents : IEventPublisher
    {
        public List<object> Published { get; } = [];

        public Task PublishAsync<TEvent>(TEvent @event, CancellationToken ct = default)
            where TEvent : class => PublishBatchAsync([@event], null, ct);

        public Task PublishAsync<TEvent>(TEvent @event, PublishOptions options, CancellationToken ct = default)
            where TEvent : class => PublishBatchAsync([@event], null, ct);

        public Task PublishBatchAsync(IEnumerable<object> events, PublishOptions? options = null, CancellationToken ct = default)
        {
            Published.AddRange(events);
            return Task.CompletedTask;
        }
    }
}
