using System.Text;
using Confluent.Kafka;
using Confluent.Kafka.Admin;
using Cuckoo.EventBus.Tests.Sample;

namespace Cuckoo.EventBus.Tests.Consuming.Interleavings;

/// <summary>Offsets that are not one after the other: what Apache Kafka itself does with a topic.</summary>
public sealed class OffsetsTests(KafkaFixture kafka, PostgresFixture databases)
{
    [Fact]
    public async Task Records_of_transactions_are_handled_once_committed_and_their_markers_hold_no_position_back()
    {
        await RequireRealAsync("transactions");
        await using var warehouse = await Warehouse.OpenAsync(kafka, databases);
        using (var producer = new ProducerBuilder<byte[], byte[]>(new ProducerConfig { BootstrapServers = warehouse.Bus.Broker.BootstrapServers, TransactionalId = $"{Guid.NewGuid()}" }).Build())
        {
            await Task.Run(() =>
            {
                producer.InitTransactions(Eventually.Limit);
                Transaction(producer, warehouse, commits: true, 1, 2);
                Transaction(producer, warehouse, commits: false, 3, 4);
                Transaction(producer, warehouse, commits: true, 5);
                Transaction(producer, warehouse, commits: false, 6);
            });
        }

        await warehouse.EventuallyNumbersAsync(1, 2, 5);
        // Behind the last record there are an aborted one and two markers; the position is right behind the last one, or later.
        await warehouse.Service.StopAsync();
        Assert.InRange(await CommittedAsync(warehouse), 7, 10);
        await warehouse.RestartAsync();
        await warehouse.SendAsync(new OrderPlaced("a", 7), partition: 0);
        await warehouse.EventuallyNumbersAsync(1, 2, 5, 7);
        Assert.Equal([7], warehouse.Script.Seen.Select(h => h.Number));
        await Eventually.Equal(11, () => CommittedAsync(warehouse));
    }

    [Fact]
    public async Task Offsets_that_compaction_took_hold_no_position_back()
    {
        await RequireRealAsync("compaction");
        await using var warehouse = await Warehouse.OpenAsync(kafka, databases);
        await warehouse.Service.StopAsync();
        await warehouse.Bus.Broker.Admin.IncrementalAlterConfigsAsync(new Dictionary<ConfigResource, List<ConfigEntry>>
        {
            [new ConfigResource { Type = ResourceType.Topic, Name = warehouse.Bus.Prefix + Topics.Orders }] =
            [
                .. new Dictionary<string, string> { ["cleanup.policy"] = "compact", ["segment.ms"] = "100", ["min.cleanable.dirty.ratio"] = "0.0001", ["min.compaction.lag.ms"] = "0" }
                    .Select(pair => new ConfigEntry { Name = pair.Key, Value = pair.Value, IncrementalOperation = AlterConfigOpType.Set }),
            ],
        });
        foreach (var number in Enumerable.Range(1, 5))
        {
            await warehouse.SendAsync(new OrderPlaced("a", number), partition: 0);
        }

        // A segment is closed by a record that comes after its time, and the cleaner looks about every 15 s.
        var newest = 5;
        await Eventually.True(
            async () =>
            {
                await warehouse.SendAsync(new OrderPlaced("b", ++newest), partition: 0);
                return (await warehouse.Bus.ReadAsync(Topics.Orders)).Count < newest - 4;
            },
            TimeSpan.FromMinutes(2));
        await warehouse.Service.StopAsync();
        var left = (await warehouse.Bus.ReadAsync(Topics.Orders)).ToList();
        Assert.NotEqual(left.Count, left[^1].Offset + 1);

        await warehouse.RestartAsync();

        await Eventually.Equal(left[^1].Offset + 1, () => CommittedAsync(warehouse));
        Assert.Contains(5, await warehouse.NumbersAsync());
        Assert.Contains(newest, await warehouse.NumbersAsync());
    }

    private static void Transaction(IProducer<byte[], byte[]> producer, Warehouse warehouse, bool commits, params int[] numbers)
    {
        producer.BeginTransaction();
        foreach (var number in numbers)
        {
            var headers = new Headers();
            foreach (var (name, value) in Warehouse.HeadersOf($"{Guid.NewGuid()}", "shop", null))
            {
                headers.Add(name, value);
            }

            producer.Produce(new TopicPartition(warehouse.Bus.Prefix + Topics.Orders, 0), new Message<byte[], byte[]>
            {
                Key = "a"u8.ToArray(),
                Value = Encoding.UTF8.GetBytes($$"""{"orderId":"a","number":{{number}},"occurredAt":"2026-01-01T12:00:00Z"}"""),
                Headers = headers,
            });
        }

        producer.Flush(Eventually.Limit);
        if (commits)
        {
            producer.CommitTransaction(Eventually.Limit);
        }
        else
        {
            producer.AbortTransaction(Eventually.Limit);
        }
    }

    /// <summary>The group's committed position in partition 0.</summary>
    private static async Task<long> CommittedAsync(Warehouse warehouse)
    {
        var group = new ConsumerGroupTopicPartitions(warehouse.Bus.Prefix + "warehouse", [new TopicPartition(warehouse.Bus.Prefix + Topics.Orders, 0)]);
        return (await warehouse.Bus.Broker.Admin.ListConsumerGroupOffsetsAsync([group])).Single().Partitions.Single().Offset.Value;
    }

    private async Task RequireRealAsync(string reason) => (await kafka.Broker).RequireReal(reason);
}
