using Confluent.Kafka;
using Confluent.Kafka.Admin;
using Cuckoo.EventBus.Retrying;
using Cuckoo.EventBus.Tests.Sample;
using Microsoft.EntityFrameworkCore;

namespace Cuckoo.EventBus.Tests.Consuming.Group;

/// <summary>A topic that is deleted and created again: Kafka's offsets say nothing about which of the two they are of.</summary>
public sealed class RecreatedTopicTests(KafkaFixture kafka, PostgresFixture databases)
{
    /// <summary>The client learns of the new topic when it is filled already: only then it goes on in its midst.</summary>
    private static readonly Dictionary<string, string?> LearnsLate = new()
    {
        ["EventBus:Kafka:Consumer:topic.metadata.refresh.fast.interval.ms"] = "2000",
        ["EventBus:Kafka:Consumer:fetch.error.backoff.ms"] = "2000",
        ["EventBus:Kafka:Consumer:retry.backoff.ms"] = "1000",
        ["EventBus:Kafka:Consumer:retry.backoff.max.ms"] = "2000",
    };

    [Theory]
    [InlineData(StartFrom.Earliest, 4)]
    [InlineData(StartFrom.Earliest, -1)]
    [InlineData(StartFrom.Latest, 4)]
    [InlineData(StartFrom.Latest, -1)]
    public async Task Every_record_of_the_new_topic_is_handled_whether_it_is_longer_or_shorter_than_the_old_one(StartFrom startFrom, int more)
    {
        await using var warehouse = await OpenAsync(startFrom);
        var old = await FillUntilReadAsync(warehouse);

        await RecreateAsync(warehouse);
        var expected = Enumerable.Range(1000, Math.Max(1, old + more)).ToList();
        await SendAsync(warehouse, expected);

        await EventuallySeenAsync(warehouse, expected);

        // And it goes on from there, also after a restart.
        await SendAsync(warehouse, [2000]);
        await EventuallySeenAsync(warehouse, [.. expected, 2000]);
        await warehouse.Service.StopAsync();
        await SendAsync(warehouse, [2001]);
        await warehouse.StartAsync();
        await EventuallySeenAsync(warehouse, [.. expected, 2000, 2001]);
        Assert.Equal(expected.Count + 2, (await NewNumbersAsync(warehouse)).Count);
    }

    [Fact]
    public async Task Every_member_of_the_group_starts_anew_at_its_partitions()
    {
        await using var warehouse = await OpenAsync(StartFrom.Earliest);
        await warehouse.StartAsync();
        foreach (var partition in Enumerable.Range(0, 3))
        {
            await SendAsync(warehouse, Enumerable.Range(1, 3), partition);
        }

        await Eventually.Equal(9, async () => (await warehouse.EffectsAsync()).Count);

        await RecreateAsync(warehouse);
        foreach (var partition in Enumerable.Range(0, 3))
        {
            await SendAsync(warehouse, Enumerable.Range(1000 + (10 * partition), 5), partition);
        }

        await EventuallySeenAsync(warehouse, [.. Enumerable.Range(0, 3).SelectMany(partition => Enumerable.Range(1000 + (10 * partition), 5))]);
        Assert.Equal(15, (await NewNumbersAsync(warehouse)).Count);
    }

    [Fact]
    public async Task A_group_that_was_away_meanwhile_reads_all_of_the_new_topic()
    {
        await using var warehouse = await OpenAsync(StartFrom.Earliest);
        var old = await FillUntilReadAsync(warehouse);
        await warehouse.Service.StopAsync();

        await RecreateAsync(warehouse);
        var expected = Enumerable.Range(1000, old + 4).ToList();
        await SendAsync(warehouse, expected);
        await warehouse.StartAsync();

        await EventuallySeenAsync(warehouse, expected);
    }

    [Fact]
    public async Task Records_without_an_id_at_the_same_place_are_others_than_those_of_the_former_topic()
    {
        await using var warehouse = await OpenAsync(StartFrom.Earliest, b => b.Map<OrderPlaced>(m => m.IsTopicDefault = true));
        var value = """{"orderId":"a","number":1000}"""u8.ToArray();
        await warehouse.SendBytesAsync(value, "a"u8.ToArray(), [], partition: 0);
        await EventuallySeenAsync(warehouse, [1000]);

        await RecreateAsync(warehouse);
        await warehouse.SendBytesAsync(value, "a"u8.ToArray(), [], partition: 0);

        await EventuallySeenAsync(warehouse, [1000, 1000]);
    }

    [Fact]
    public async Task Events_of_two_sources_with_one_id_are_parked_beside_each_other_at_the_same_place_of_the_old_and_the_new_topic()
    {
        await using var warehouse = await OpenAsync(StartFrom.Earliest, fails: true);
        var value = """{"orderId":"a","number":1000}"""u8.ToArray();
        await warehouse.SendBytesAsync(value, "a"u8.ToArray(), Warehouse.HeadersOf("1", "shop", null), partition: 0);
        await EventuallyParkedAsync("shop@0");

        await RecreateAsync(warehouse);
        await warehouse.SendBytesAsync(value, "a"u8.ToArray(), Warehouse.HeadersOf("1", "market", null), partition: 0);

        await EventuallyParkedAsync("shop@0 market@0");

        Task EventuallyParkedAsync(string expected) => Eventually.Equal(expected, async () => string.Join(
            ' ', await warehouse.Database.AskAsync<ShopContext, List<string>>(db => db.Set<RetryMessage>().OrderBy(m => m.Id).Select(m => m.Source + "@" + m.KafkaOffset).ToListAsync())));
    }

    private static async Task<int> FillUntilReadAsync(Warehouse warehouse)
    {
        // A group that starts at the end stands there some time.
        var sent = 0;
        await Eventually.True(async () =>
        {
            await SendAsync(warehouse, [++sent]);
            return !warehouse.Script.Seen.IsEmpty;
        });
        await SendAsync(warehouse, [++sent, ++sent]);
        await Eventually.True(async () => (await warehouse.NumbersAsync()).Contains(sent));
        return sent;
    }

    private static async Task RecreateAsync(Warehouse warehouse)
    {
        var (admin, topic) = (warehouse.Bus.Broker.Admin, warehouse.Bus.Prefix + Topics.Orders);
        await admin.DeleteTopicsAsync([topic]);
        await Eventually.True(async () =>
        {
            try
            {
                await admin.CreateTopicsAsync([new TopicSpecification { Name = topic, NumPartitions = 3, ReplicationFactor = 1 }]);
                return true;
            }
            catch (CreateTopicsException)
            {
                // Not gone yet.
                return false;
            }
        });

        // The controller is ahead of the broker, which takes records for the old topic until it hears of it, and those go with that one.
        await Eventually.True(async () =>
        {
            try
            {
                var ends = await admin.ListOffsetsAsync(Enumerable.Range(0, 3).Select(partition => new TopicPartitionOffsetSpec
                {
                    TopicPartition = new TopicPartition(topic, partition),
                    OffsetSpec = OffsetSpec.Latest(),
                }));
                return ends.ResultInfos.TrueForAll(end => end.TopicPartitionOffsetError.Offset == 0);
            }
            catch (KafkaException)
            {
                // Not there yet.
                return false;
            }
        });
    }

    private static Task<(int Partition, long Offset)[]> SendAsync(Warehouse warehouse, IEnumerable<int> numbers, int partition = 0) =>
        Task.WhenAll(numbers.Select(number => warehouse.SendAsync(new OrderPlaced($"{number}", number), partition)));

    private static async Task<IReadOnlyList<int>> NewNumbersAsync(Warehouse warehouse) => [.. (await warehouse.NumbersAsync()).Where(number => number >= 1000)];

    private static Task EventuallySeenAsync(Warehouse warehouse, IReadOnlyList<int> expected) =>
        Eventually.Equal(string.Join(' ', expected.Order()), async () => string.Join(' ', (await NewNumbersAsync(warehouse)).Order()), what: "the numbers of the new topic");

    private async Task<Warehouse> OpenAsync(StartFrom startFrom, Action<EventBusBuilder>? more = null, bool fails = false)
    {
        var broker = await kafka.Broker;
        broker.RequireReal("A topic that is deleted");
        return await Warehouse.OpenAsync(
            broker,
            databases,
            b =>
            {
                more?.Invoke(b);
                b.AddConsumer<Scripted<OrderPlaced>>(Warehouse.Ship, o =>
                {
                    Warehouse.Quick(o);
                    o.StartFrom = startFrom;
                    o.ParkedAttempts = fails ? 1 : 0;
                    o.ParkedRetryDelay = o.MaxParkedRetryDelay = TimeSpan.FromHours(1);
                });
            },
            LearnsLate,
            script =>
            {
                if (fails)
                {
                    script[Warehouse.Ship] = _ => throw new InvalidOperationException("no paper");
                }
            });
    }
}
