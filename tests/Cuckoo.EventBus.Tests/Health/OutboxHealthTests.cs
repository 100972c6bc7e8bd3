using System.Diagnostics.Metrics;
using Cuckoo.EventBus.Outbox;
using Cuckoo.EventBus.Tests.Sample;
using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Diagnostics.HealthChecks;

namespace Cuckoo.EventBus.Tests.Health;

/// <summary>What the outbox tells about itself.</summary>
public abstract class OutboxHealthTests(KafkaFixture kafka, DatabaseFixture databases)
{
    [Fact]
    public async Task An_outbox_without_trouble_is_healthy_and_one_with_dead_or_old_events_is_degraded()
    {
        await using var bus = await TestBus.CreateAsync(kafka, Topics.Orders);
        var database = await bus.AddDatabaseAsync<ShopContext>(databases);
        var shop = await bus.StartAsync<ShopContext>(
            "shop",
            database,
            services: services => services.AddHealthChecks().AddCuckooEventBus(),
            configuration: new Dictionary<string, string?> { ["EventBus:Relay:Enabled"] = "false" });
        var health = shop.Services.GetRequiredService<HealthCheckService>();
        Assert.Equal(HealthStatus.Healthy, (await health.CheckHealthAsync(TestContext.Current.CancellationToken)).Status);

        await PublishAsync(shop, 1, 2);
        Assert.Equal(HealthStatus.Healthy, (await health.CheckHealthAsync(TestContext.Current.CancellationToken)).Status);

        await ChangeAsync(database, 1, s => s.SetProperty(m => m.State, OutboxEntryState.Dead));
        await ChangeAsync(database, 2, s => s.SetProperty(m => m.CreatedAt, DateTime.UtcNow.AddHours(-1)));
        var report = await health.CheckHealthAsync(TestContext.Current.CancellationToken);

        Assert.Equal(HealthStatus.Degraded, report.Status);
        var entry = report.Entries["cuckoo-eventbus-outbox"];
        Assert.Contains("1 dead events", entry.Description, StringComparison.Ordinal);
        Assert.Contains("has waited 36", entry.Description, StringComparison.Ordinal);
        Assert.Equal(1L, entry.Data["ShopContext pending"]);
    }

    [Theory]
    [InlineData("OutboxUnhealthyAge", "00:59:00", HealthStatus.Unhealthy)]
    [InlineData("OutboxUnhealthyAge", "01:01:00", HealthStatus.Degraded)]
    [InlineData("OutboxUnhealthyDead", "1", HealthStatus.Unhealthy)]
    [InlineData("OutboxUnhealthyDead", "2", HealthStatus.Degraded)]
    public async Task An_outbox_is_unhealthy_from_where_the_options_say(string limit, string value, HealthStatus expected)
    {
        var health = await HealthOfOldAndDeadAsync(new() { [$"EventBus:Health:{limit}"] = value });

        Assert.Equal(expected, health.Status);
        Assert.Equal(2, ((IEnumerable<string>)health.Data["what to do"]).Count());
    }

    [Fact]
    public async Task An_outbox_is_healthy_below_the_limits_of_the_options()
    {
        var health = await HealthOfOldAndDeadAsync(new() { ["EventBus:Health:OutboxDegradedAge"] = "01:01:00", ["EventBus:Health:OutboxDegradedDead"] = "2" });

        Assert.Equal((HealthStatus.Healthy, null), (health.Status, health.Description));
        Assert.Equal(1L, health.Data["ShopContext dead"]);
    }

    [Fact]
    public async Task The_gauges_say_the_same()
    {
        await using var bus = await TestBus.CreateAsync(kafka, Topics.Orders);
        var database = await bus.AddDatabaseAsync<ShopContext>(databases);
        var writer = await bus.StartAsync<ShopContext>("writer", database, configuration: new Dictionary<string, string?> { ["EventBus:Relay:Enabled"] = "false" });
        await PublishAsync(writer, 1);
        await ChangeAsync(database, 1, s => s.SetProperty(m => m.State, OutboxEntryState.Dead));
        var seen = new System.Collections.Concurrent.ConcurrentDictionary<string, double>();
        // Of all relays of the process, other tests' too.
        using var listener = new MeterListener
        {
            InstrumentPublished = (instrument, listener) =>
            {
                if (instrument.Name.StartsWith("cuckoo.eventbus.outbox.", StringComparison.Ordinal))
                {
                    listener.EnableMeasurementEvents(instrument);
                }
            },
        };
        listener.SetMeasurementEventCallback<long>((instrument, value, _, _) => seen.AddOrUpdate(instrument.Name, value, (_, most) => Math.Max(most, value)));
        listener.SetMeasurementEventCallback<double>((instrument, value, _, _) => seen[instrument.Name] = value);
        listener.Start();

        await bus.StartAsync<ShopContext>("shop", database);

        await Eventually.True(() =>
        {
            listener.RecordObservableInstruments();
            return seen.GetValueOrDefault("cuckoo.eventbus.outbox.dead") >= 1 && seen.ContainsKey("cuckoo.eventbus.outbox.pending") && seen.ContainsKey("cuckoo.eventbus.outbox.oldest_age");
        });
    }

    /// <summary>The check of an outbox with one dead event and one that has waited for an hour.</summary>
    private async Task<HealthReportEntry> HealthOfOldAndDeadAsync(Dictionary<string, string?> configuration)
    {
        await using var bus = await TestBus.CreateAsync(kafka, Topics.Orders);
        var database = await bus.AddDatabaseAsync<ShopContext>(databases);
        configuration["EventBus:Relay:Enabled"] = "false";
        var shop = await bus.StartAsync<ShopContext>("shop", database, services: services => services.AddHealthChecks().AddCuckooEventBus(), configuration: configuration);
        await PublishAsync(shop, 1, 2);
        await ChangeAsync(database, 1, s => s.SetProperty(m => m.State, OutboxEntryState.Dead));
        await ChangeAsync(database, 2, s => s.SetProperty(m => m.CreatedAt, DateTime.UtcNow.AddHours(-1)));
        var report = await shop.Services.GetRequiredService<HealthCheckService>().CheckHealthAsync(TestContext.Current.CancellationToken);
        return report.Entries["cuckoo-eventbus-outbox"];
    }

    private static Task PublishAsync(TestService shop, params int[] numbers) => shop.InScopeAsync(async scope =>
    {
        await scope.GetRequiredService<IEventPublisher>().PublishBatchAsync(numbers.Select(number => new OrderPlaced("a", number)));
        await scope.GetRequiredService<ShopContext>().SaveChangesAsync();
    });

    private static Task<int> ChangeAsync(TestDatabase database, int number, Action<Microsoft.EntityFrameworkCore.Query.UpdateSettersBuilder<OutboxMessage>> change) =>
        database.AskAsync<ShopContext, int>(async db =>
        {
            var id = await db.Set<OutboxMessage>().OrderBy(m => m.Id).Skip(number - 1).Select(m => m.Id).FirstAsync();
            return await db.Set<OutboxMessage>().Where(m => m.Id == id).ExecuteUpdateAsync(change);
        });
}

public sealed class Outbox_health_on_PostgreSQL(KafkaFixture kafka, PostgresFixture databases) : OutboxHealthTests(kafka, databases);

public sealed class Outbox_health_on_SQLite(KafkaFixture kafka, SqliteFixture databases) : OutboxHealthTests(kafka, databases);
