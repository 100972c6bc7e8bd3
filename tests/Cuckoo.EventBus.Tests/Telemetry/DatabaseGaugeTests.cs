using System.Diagnostics.Metrics;
using System.Text;
using Cuckoo.EventBus.Outbox;
using Cuckoo.EventBus.Retrying;
using Cuckoo.EventBus.Storage;
using Cuckoo.EventBus.Telemetry;
using Cuckoo.EventBus.Tests.Outbox;
using Cuckoo.EventBus.Tests.Sample;
using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.DependencyInjection;

namespace Cuckoo.EventBus.Tests.Telemetry;

/// <summary>What the gauges say of a database, and that one instance asks for all.</summary>
public abstract class DatabaseGaugeTests(KafkaFixture kafka, DatabaseFixture databases)
{
    [Fact]
    public async Task The_outbox_and_what_is_parked_are_counted()
    {
        await using var scene = await OutboxScene.OpenAsync(kafka, databases);
        await scene.PublishAsync("a", 1, 2, 3);
        await scene.Database.AskAsync<ShopContext, int>(db => db.Set<OutboxMessage>().OrderBy(m => m.Id).Take(1).ExecuteUpdateAsync(set => set.SetProperty(m => m.State, OutboxEntryState.Dead)));
        await scene.Database.AskAsync<ShopContext, int>(db => db.Set<OutboxMessage>().ExecuteUpdateAsync(set => set.SetProperty(m => m.CreatedAt, DateTime.UtcNow.AddHours(-1))));
        await ParkAsync(scene.Database, "warehouse", "ship", ("a", true), ("a", false), ("a", false), (null, true));
        await ParkAsync(scene.Database, "warehouse", "count", ("a", true));
        await ParkAsync(scene.Database, "billing", "count", ("b", true), ("c", true), ("c", false));

        await using var watch = await Watching.OpenAsync(scene.Writer, "one");
        await watch.AskAsync();

        var standing = watch.Standing!;
        Assert.Equal(("ShopContext", 2, 1), (standing.Database, standing.Pending, standing.Dead));
        Assert.InRange(standing.OldestAge, TimeSpan.FromMinutes(59), TimeSpan.FromMinutes(70));
        Assert.Equal([new("billing", "count", 2, 3), new("warehouse", "count", 1, 1), new("warehouse", "ship", 2, 4)], standing.Parked);
    }

    [Fact]
    public async Task An_empty_database_has_nothing_waiting()
    {
        await using var scene = await OutboxScene.OpenAsync(kafka, databases);
        await using var watch = await Watching.OpenAsync(scene.Writer, "one");

        await watch.AskAsync();

        var standing = watch.Standing!;
        Assert.Equal((0, TimeSpan.Zero, 0), (standing.Pending, standing.OldestAge, standing.Dead));
        Assert.Empty(standing.Parked);
    }

    [Fact]
    public async Task One_instance_asks_until_it_gives_the_lease_back_or_lets_it_pass()
    {
        await using var scene = await OutboxScene.OpenAsync(kafka, databases);
        await using var first = await Watching.OpenAsync(scene.Writer, "first");
        await using var second = await Watching.OpenAsync(scene.Writer, "second");
        Assert.True(await second.MayAskAsync());

        await first.AskAsync();
        await second.AskAsync();

        Assert.NotNull(first.Standing);
        Assert.Null(second.Standing);
        Assert.Equal((true, false), (await first.MayAskAsync(), await second.MayAskAsync()));

        await RelayHand.EndLeaseAsync(scene.Database, OutboxLane.Watch);
        Assert.True(await second.MayAskAsync());
        await second.AskAsync();
        await first.AskAsync();
        Assert.NotNull(second.Standing);
        Assert.Null(first.Standing);

        await second.ReleaseAsync();
        Assert.True(await first.MayAskAsync());
    }

    [Fact]
    public async Task Of_two_instances_one_shows_and_the_other_follows_when_it_stops()
    {
        await using var scene = await OutboxScene.OpenAsync(kafka, databases);
        var group = scene.Bus.Prefix + "warehouse";
        await ParkAsync(scene.Database, group, "ship", ("a", true), ("a", false));
        using var gauges = new Gauges(group);
        var first = await scene.StartRelayAsync();
        await Eventually.Equal("keys 1, records 2", gauges.Read);

        await scene.StartRelayAsync();
        // Of two that show, each would.
        await Eventually.Equal("keys 1, records 2", gauges.Read);
        await first.StopAsync();

        await Eventually.Equal("keys 1, records 2", gauges.Read);
    }

    private static Task<int> ParkAsync(TestDatabase database, string group, string consumer, params (string? Key, bool IsFirst)[] records) => database.AskAsync<ShopContext, int>(db =>
    {
        var offset = 0;
        db.AddRange(records.Select(record => new RetryMessage
        {
            ConsumerGroup = group,
            Consumer = consumer,
            Source = "shop",
            EventId = $"{offset}",
            Type = "order.placed",
            Topic = "orders",
            KafkaPartition = 0,
            KafkaOffset = offset++,
            RecordTimestamp = DateTime.UtcNow,
            Key = record.Key is { } key ? Encoding.UTF8.GetBytes(key) : null,
            KeyHash = record.Key?.Length ?? 0,
            Headers = [1],
            FirstFailedAt = DateTime.UtcNow,
            LastFailedAt = DateTime.UtcNow,
            CreatedAt = DateTime.UtcNow,
            DueAt = record.IsFirst ? DateTime.UtcNow.AddHours(1) : null,
        }));
        return db.SaveChangesAsync();
    });

    /// <summary>One instance's watch, whose steps the test takes with its own hands.</summary>
    private sealed class Watching(DatabaseSession session, LaneSql sql, StandingWatch watch, string owner) : IAsyncDisposable
    {
        public DatabaseStanding? Standing => watch.Standing;

        public static async Task<Watching> OpenAsync(TestService service, string owner)
        {
            var database = service.Services.GetRequiredService<EventBusDatabases>().Find(typeof(ShopContext))!;
            var session = await database.OpenAsync(default);
            var sql = new LaneSql(database.Layout);
            return new Watching(session, sql, new StandingWatch(database, sql, owner, TimeProvider.System), owner);
        }

        public Task AskAsync() => watch.AskAsync(session, TestContext.Current.CancellationToken);

        /// <summary>Whether its sweep learns that nobody else asks.</summary>
        public async Task<bool> MayAskAsync()
        {
            await using var probe = session.Command(sql.Probe);
            probe.AddParameter("thorough", false);
            probe.AddParameter("owner", owner);
            probe.AddParameter("watches", true);
            var may = false;
            await using var reader = await probe.ExecuteReaderAsync();
            while (await reader.ReadAsync())
            {
                may |= (LaneSql.Finding)reader.GetInt32(0) == LaneSql.Finding.Watch;
            }

            return may;
        }

        public async Task ReleaseAsync()
        {
            await using var release = session.Command(sql.ReleaseAll);
            release.AddParameter("owner", owner);
            await release.ExecuteNonQueryAsync();
        }

        public ValueTask DisposeAsync() => session.DisposeAsync();
    }

    /// <summary>What is shown of one group's parked records, by all instances.</summary>
    private sealed class Gauges : IDisposable
    {
        private readonly MeterListener _listener = new();
        private readonly Lock _lock = new();
        private readonly List<string> _shown = [];

        public Gauges(string group)
        {
            _listener.InstrumentPublished = (instrument, listener) =>
            {
                if (instrument.Name.StartsWith("cuckoo.eventbus.consumer.parked_", StringComparison.Ordinal))
                {
                    listener.EnableMeasurementEvents(instrument);
                }
            };
            _listener.SetMeasurementEventCallback<long>((instrument, value, tags, _) =>
            {
                if (tags.ToArray().Contains(new("messaging.consumer.group.name", group)))
                {
                    _shown.Add($"{instrument.Name.Split('_')[^1]} {value}");
                }
            });
            _listener.Start();
        }

        public string Read()
        {
            lock (_lock)
            {
                _shown.Clear();
                _listener.RecordObservableInstruments();
                return string.Join(", ", _shown.Order(StringComparer.Ordinal));
            }
        }

        public void Dispose() => _listener.Dispose();
    }
}

public sealed class Database_gauges_on_PostgreSQL(KafkaFixture kafka, PostgresFixture databases) : DatabaseGaugeTests(kafka, databases);

public sealed class Database_gauges_on_SQLite(KafkaFixture kafka, SqliteFixture databases) : DatabaseGaugeTests(kafka, databases);
