using Confluent.Kafka;
using Confluent.Kafka.Admin;
using Cuckoo.EventBus.Tests.Sample;

namespace Cuckoo.EventBus.Tests.Outbox;

/// <summary>The broker refuses a row while others are on their way with it and behind it.</summary>
public abstract class RejectedInFlightTests(KafkaFixture kafka, DatabaseFixture databases)
{
    private const int Limit = 2000;
    private static readonly string Large = new('x', 2 * Limit);

    [Fact]
    public async Task Nothing_of_its_key_passes_a_row_that_the_broker_refuses()
    {
        await using var scene = await OpenAsync();
        await OutboxScene.PublishAsync(scene.Writer, [new("a", 1), new("a", 2) { Note = Large }, .. Enumerable.Range(3, 48).Select(n => new OrderPlaced("a", n))]);
        await scene.StartRelayAsync();
        await scene.EventuallyRowsAsync("a", string.Join(", ", Enumerable.Range(3, 48).Select(n => $"{n} Waiting").Prepend("2 Waiting for a time")));
        Assert.Equal([1], await scene.SentAsync("a"));

        await AllowLargeAsync(scene);
        await scene.RepairAsync();

        await scene.EventuallySentAsync("a", Enumerable.Range(1, 50));
    }

    [Fact]
    public async Task Its_neighbours_in_the_batch_are_charged_no_attempt()
    {
        await using var scene = await OpenAsync();
        await OutboxScene.PublishAsync(scene.Writer, [.. Enumerable.Range(1, 40).Select(n => new OrderPlaced($"key-{n}", n) { Note = n % 10 == 5 ? Large : null })]);

        await scene.StartRelayAsync();

        await Eventually.Equal(36, async () => (await scene.Bus.ReadAsync(Topics.Orders)).Select(r => r.KeyText).Distinct().Count());
        await Eventually.Equal("1 1 1 1", async () => string.Join(' ', (await scene.RowsAsync()).Select(row => row.Attempts)));
    }

    [Fact]
    public async Task The_order_is_kept_when_its_relay_goes_right_then_and_another_follows()
    {
        await using var scene = await OpenAsync();
        await OutboxScene.PublishAsync(scene.Writer, [.. Enumerable.Range(1, 60).Select(n => new OrderPlaced(n % 2 == 0 ? "a" : "b", n) { Note = n is 10 or 31 ? Large : null })]);
        var first = await scene.StartRelayAsync();
        // The producer has said that it can't go on: rows are suspected, some are sent, some are not.
        await Eventually.True(() => first.Log.Entries.Any(e => e.Category.Contains("RecordProducer", StringComparison.Ordinal)));
        await first.StopAsync();
        await scene.PublishAsync("a", 62);

        await scene.StartRelayAsync();
        await scene.EventuallySentAsync("a", 2, 4, 6, 8);
        await scene.EventuallySentAsync("b", Enumerable.Range(0, 15).Select(n => (2 * n) + 1));
        await AllowLargeAsync(scene);
        await Eventually.Equal(2, async () => (await scene.RowsAsync()).Count(row => row.DueAt is not null));
        await scene.RepairAsync();

        await scene.EventuallySentAsync("a", Enumerable.Range(1, 31).Select(n => 2 * n));
        await scene.EventuallySentAsync("b", Enumerable.Range(0, 30).Select(n => (2 * n) + 1));
    }

    [Fact]
    public async Task A_topic_that_nobody_knows_holds_up_only_its_own_events()
    {
        await using var scene = await OpenAsync();
        var known = scene.Neighbours("a").First();
        await OutboxScene.PublishAsync(scene.Writer, [new("a", 1), new("a", 2)]);
        await scene.ExecuteAsync("UPDATE outbox_messages SET topic = 'a-topic-that-nobody-made'");
        await scene.PublishAsync(known, 1, 2);

        await scene.StartRelayAsync();

        await scene.EventuallySentAsync(known, 1, 2);
    }

    /// <summary>Raises the topic's limit, and waits until it counts: the broker answers before that.</summary>
    private static async Task AllowLargeAsync(OutboxScene scene)
    {
        await scene.Bus.Broker.Admin.IncrementalAlterConfigsAsync(new Dictionary<ConfigResource, List<ConfigEntry>>
        {
            [new ConfigResource { Type = ResourceType.Topic, Name = scene.Bus.Prefix + Topics.Orders }] =
                [new ConfigEntry { Name = "max.message.bytes", Value = "1000000", IncrementalOperation = AlterConfigOpType.Set }],
        });
        await Eventually.True(async () =>
        {
            try
            {
                await scene.Bus.ProduceAsync(Topics.Orders, "probe"u8.ToArray(), new byte[2 * Limit]);
                return true;
            }
            catch (KafkaException)
            {
                return false;
            }
        });
    }

    private async Task<OutboxScene> OpenAsync()
    {
        var broker = await kafka.Broker;
        broker.RequireReal("A topic with a limit of its own");
        return await OutboxScene.OpenAsync(broker, databases, partitions: 1, new() { ["max.message.bytes"] = $"{Limit}" });
    }
}

public sealed class Rejected_in_flight_on_PostgreSQL(KafkaFixture kafka, PostgresFixture databases) : RejectedInFlightTests(kafka, databases);

public sealed class Rejected_in_flight_on_SQLite(KafkaFixture kafka, SqliteFixture databases) : RejectedInFlightTests(kafka, databases);
