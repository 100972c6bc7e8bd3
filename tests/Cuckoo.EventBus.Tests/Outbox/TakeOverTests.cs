using Cuckoo.EventBus.Tests.Sample;

namespace Cuckoo.EventBus.Tests.Outbox;

/// <summary>From one instance to the next.</summary>
public abstract class TakeOverTests(KafkaFixture kafka, DatabaseFixture databases)
{
    [Fact]
    public async Task After_a_clean_stop_another_instance_has_the_lanes_at_once()
    {
        await using var scene = await OutboxScene.OpenAsync(kafka, databases);
        // Nobody could wait for such a lease.
        var lease = ("Relay:Lease", "01:00:00");
        var first = await scene.StartRelayAsync(lease);
        var second = await scene.StartRelayAsync(lease);
        await OutboxScene.PublishAsync(first, [.. Enumerable.Range(1, 50).Select(n => new OrderPlaced($"{n}", n))]);
        await first.StopAsync();

        await OutboxScene.PublishAsync(second, [.. Enumerable.Range(1, 50).Select(n => new OrderPlaced($"{n}", n + 50))]);

        await scene.EventuallyEmptyAsync();
        for (var n = 1; n <= 50; n++)
        {
            Assert.Equal([n, n + 50], await scene.SentAsync($"{n}"));
        }
    }

    [Fact]
    public async Task A_stop_in_the_midst_of_a_backlog_loses_nothing_and_the_next_instance_goes_on_in_order()
    {
        const int Rows = 3000;
        await using var scene = await OutboxScene.OpenAsync(kafka, databases);
        await scene.PublishAsync("a", Enumerable.Range(1, Rows));
        var first = await scene.StartRelayAsync(("Relay:BatchSize", "50"));
        await Eventually.True(async () => (await scene.SentAsync("a")).Count > 0);
        await first.StopAsync();

        await scene.StartRelayAsync();

        await scene.EventuallySentAsync("a", Enumerable.Range(1, Rows));
        await scene.EventuallyEmptyAsync();
    }
}

public sealed class Take_over_on_PostgreSQL(KafkaFixture kafka, PostgresFixture databases) : TakeOverTests(kafka, databases);

public sealed class Take_over_on_SQLite(KafkaFixture kafka, SqliteFixture databases) : TakeOverTests(kafka, databases);
