using Cuckoo.EventBus.Outbox;
using Cuckoo.EventBus.Tests.Sample;
using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.DependencyInjection;

namespace Cuckoo.EventBus.Tests.Outbox;

/// <summary>How many lanes there are stands in the database, whatever an instance's model says.</summary>
public abstract class LaneCountTests(KafkaFixture kafka, DatabaseFixture databases)
{
    [Fact]
    public async Task Instances_that_are_configured_otherwise_use_the_lanes_that_are_there_and_keep_the_order()
    {
        const int Each = 25;
        string[] keys = ["a", "b", "c", "d", "e", "f"];
        await using var scene = await OutboxScene.OpenAsync(kafka, databases);
        var usual = await scene.StartRelayAsync();
        var few = await StartAsync<FewLanesContext>(scene);
        var many = await StartAsync<ManyLanesContext>(scene);

        for (var n = 0; n < Each; n++)
        {
            await PublishAsync<ShopContext>(usual, keys, (3 * n) + 1);
            await PublishAsync<FewLanesContext>(few, keys, (3 * n) + 2);
            await PublishAsync<ManyLanesContext>(many, keys, (3 * n) + 3);
        }

        foreach (var key in keys)
        {
            await scene.EventuallySentAsync(key, Enumerable.Range(1, 3 * Each));
        }

        Assert.Equal(16, await scene.Database.AskAsync<ShopContext, int>(db => db.Set<OutboxLane>().CountAsync(l => l.Lane != OutboxLane.Watch)));
    }

    [Fact]
    public async Task A_key_has_the_same_lane_wherever_it_is_published()
    {
        await using var scene = await OutboxScene.OpenAsync(kafka, databases);
        var quiet = ("EventBus:Relay:Enabled", "false");
        var few = await StartAsync<FewLanesContext>(scene, quiet);
        var many = await StartAsync<ManyLanesContext>(scene, quiet);

        await PublishAsync<ShopContext>(scene.Writer, ["a"], 1);
        await PublishAsync<FewLanesContext>(few, ["a"], 2);
        await PublishAsync<ManyLanesContext>(many, ["a"], 3);

        Assert.Equal([scene.LaneOf("a")], (await scene.RowsAsync()).Select(row => row.Lane).Distinct());
    }

    private static Task<TestService> StartAsync<TContext>(OutboxScene scene, params IEnumerable<(string, string)> settings)
        where TContext : DbContext =>
        scene.Bus.StartAsync<TContext>("shop", scene.Database, configuration: settings.Select(s => KeyValuePair.Create<string, string?>(s.Item1, s.Item2)));

    private static Task PublishAsync<TContext>(TestService service, IEnumerable<string> keys, int number)
        where TContext : DbContext => service.InScopeAsync(async scope =>
    {
        var db = scope.GetRequiredService<TContext>();
        await db.PublishBatchAsync(keys.Select(key => new OrderPlaced(key, number)));
        await db.SaveChangesAsync();
    });

    private sealed class FewLanesContext(DbContextOptions<FewLanesContext> options) : ShopContext(options)
    {
        protected override int Lanes => 3;
    }

    private sealed class ManyLanesContext(DbContextOptions<ManyLanesContext> options) : ShopContext(options)
    {
        protected override int Lanes => 64;
    }
}

public sealed class Lane_counts_on_PostgreSQL(KafkaFixture kafka, PostgresFixture databases) : LaneCountTests(kafka, databases);

public sealed class Lane_counts_on_SQLite(KafkaFixture kafka, SqliteFixture databases) : LaneCountTests(kafka, databases);
