using Cuckoo.EventBus.Outbox;
using Cuckoo.EventBus.Tests.Sample;
using Microsoft.EntityFrameworkCore;

namespace Cuckoo.EventBus.Tests.Outbox;

/// <summary>Rows that someone else put into the table, or that are larger than others.</summary>
public abstract class StrangeRowTests(KafkaFixture kafka, DatabaseFixture databases)
{
    [Theory]
    [InlineData(new byte[] { })]
    [InlineData(new byte[] { 2 })]
    [InlineData(new byte[] { 1, 0, 0, 0, 9, 65 })]
    [InlineData(new byte[] { 1, 0xFF, 0xFF, 0xFF, 0xFF })]
    public async Task Headers_that_are_none_kill_their_row_and_stop_nobody(byte[] headers)
    {
        await using var scene = await OutboxScene.OpenAsync(kafka, databases);
        await scene.PublishAsync("a", 1);
        await scene.Database.AskAsync<ShopContext, int>(db => db.Set<OutboxMessage>().ExecuteUpdateAsync(set => set.SetProperty(m => m.Headers, headers)));
        await scene.PublishAsync("a", 2);
        await scene.PublishAsync(scene.Neighbours("a").First(), 3);

        await scene.StartRelayAsync(("Relay:MaxAttempts", "2"), ("Relay:RetryDelay", "00:00:00.010"));

        await scene.EventuallySentAsync("a", 2);
        await scene.EventuallySentAsync(scene.Neighbours("a").First(), 3);
        await scene.EventuallyRowsAsync("a", "1 Dead for a time");
    }

    [Fact]
    public async Task A_topic_name_that_no_topic_can_have_kills_its_row_and_stops_nobody()
    {
        await using var scene = await OutboxScene.OpenAsync(kafka, databases);
        await scene.PublishAsync("a", 1);
        await scene.Database.AskAsync<ShopContext, int>(db => db.Set<OutboxMessage>().ExecuteUpdateAsync(set => set.SetProperty(m => m.Topic, "no topic: ?")));
        await scene.PublishAsync("a", 2);

        await scene.StartRelayAsync(("Relay:MaxAttempts", "1"));

        await scene.EventuallySentAsync("a", 2);
    }

    [Fact]
    public async Task Rows_of_a_megabyte_are_read_a_few_at_a_time_and_all_arrive_in_order()
    {
        const int Rows = 24;
        await using var scene = await OutboxScene.OpenAsync(kafka, databases);
        var note = new string('x', 900_000);
        for (var n = 1; n <= Rows; n += 4)
        {
            await OutboxScene.PublishAsync(scene.Writer, [.. Enumerable.Range(n, 4).Select(i => new OrderPlaced("a", i) { Note = note })]);
        }

        await using (var relay = await RelayHand.OpenAsync(scene.Writer, scene.LaneOf("a"), "hand", new RelayOptions { BatchBytes = 4_000_000 }))
        {
            Assert.Equal(Enumerable.Range(1, 5), RelayHand.Numbers(await relay.ReadAsync()));
            await relay.ReleaseAsync();
        }

        await scene.StartRelayAsync(("Relay:BatchBytes", "4000000"));

        await scene.EventuallyEmptyAsync();
        Assert.Equal(Enumerable.Range(1, Rows), await scene.SentAsync("a"));
    }
}

public sealed class Strange_rows_on_PostgreSQL(KafkaFixture kafka, PostgresFixture databases) : StrangeRowTests(kafka, databases);

public sealed class Strange_rows_on_SQLite(KafkaFixture kafka, SqliteFixture databases) : StrangeRowTests(kafka, databases);
