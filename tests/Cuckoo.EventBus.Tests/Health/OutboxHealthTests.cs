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
