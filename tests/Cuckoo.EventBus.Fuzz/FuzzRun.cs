using System.Diagnostics;
using System.Globalization;
using System.Text;
using Confluent.Kafka;
using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Npgsql;

namespace Cuckoo.EventBus.Fuzz;

/// <summary>
/// Invariant looked at: of each record that is in a topic, each consumer of its type has one outcome, or it was counted as skipped
/// because nobody knows its type. Of the consumer without a database every record is looked at, by its address; of the other one,
/// the sums.
/// </summary>
internal sealed class FuzzRun(FuzzOptions options, KafkaBroker broker, TestDatabase database)
{
    private const int Partitions = 6;
    private const string Plain = "Plain";
    private const string Stored = "Stored";
    private const string DeadLetterTopic = "dead-letter-queue";

    /// <summary>Without any progress.</summary>
    private static readonly TimeSpan Patience = TimeSpan.FromMinutes(1);

    private readonly string _prefix = $"f{Guid.NewGuid().ToString("N")[..8]}-";

    /// <returns>Whether every record has its outcome.</returns>
    public async Task<bool> RunAsync()
    {
        var clock = Stopwatch.StartNew();
        foreach (var topic in new[] { FuzzTopics.Own, FuzzTopics.Foreign, DeadLetterTopic })
        {
            await broker.CreateTopicAsync(_prefix + topic, Partitions, new() { ["max.message.bytes"] = "4000000" });
        }

        using var tally = new Tally();
        using var trouble = new TroubleLog();
        using var plain = Build(Plain, tally, trouble, bus => bus.AddConsumer<PlainConsumer>(Plain, Quickly));
        using var stored = Build(Stored, tally, trouble, bus => bus.UseOutbox<FuzzContext>().AddConsumer<StoredConsumer>(Stored, Quickly));
        await plain.StartAsync();
        await stored.StartAsync();
        await ProduceAsync();
        await UntilSettledAsync(tally);
        await UntilRelayedAsync();
        await plain.StopAsync();
        await stored.StopAsync();
        var isGood = await CheckAsync(tally, trouble);
        Console.Error.WriteLine($"  seed {options.Seed}, {clock.Elapsed.TotalSeconds:0} s");
        return isGood;
    }

    // A broken record stays broken: one more attempt shows that it is tried again, and that is enough.
    private static void Quickly(ConsumerOptions consumer) => (consumer.Attempts, consumer.ParkedAttempts, consumer.RetryDelay) = (2, 0, TimeSpan.FromMilliseconds(1));

    private string Group(string consumer) => _prefix + consumer;

    private IHost Build(string service, Tally tally, TroubleLog trouble, Action<EventBusBuilder> configure)
    {
        var builder = Host.CreateEmptyApplicationBuilder(new HostApplicationBuilderSettings { ApplicationName = "fuzz", DisableDefaults = true });
        builder.Configuration.AddInMemoryCollection(new Dictionary<string, string?>
        {
            ["EventBus:BootstrapServers"] = broker.BootstrapServers,
            ["EventBus:ServiceName"] = Group(service),
            ["EventBus:TopicPrefix"] = _prefix,
        });
        builder.Logging.AddProvider(trouble);
        builder.Services.AddSingleton(tally);
        // As the guide advises a service that has much to do. A thousand records are in flight, so a machine that stands still for a
        // moment has them wait for a connection, which is no trouble that the engine should have an answer to.
        var connection = new NpgsqlConnectionStringBuilder(database.ConnectionString) { MaxAutoPrepare = 50, Timeout = 120 }.ConnectionString;
        builder.Services.AddDbContextPool<FuzzContext>(o => o.UseNpgsql(connection));
        builder.Services.AddCuckooEventBus(configure);
        return builder.Build();
    }

    private async Task ProduceAsync()
    {
        using var producer = new ProducerBuilder<byte[]?, byte[]?>(new ProducerConfig
        {
            BootstrapServers = broker.BootstrapServers,
            MessageMaxBytes = 4_000_000,
            QueueBufferingMaxKbytes = 256 * 1024,
            LingerMs = 5,
        }).Build();
        var generator = new RecordGenerator(options.Seed);
        Error? failure = null;
        for (var i = 0; i < options.Records; i++)
        {
            var record = generator.Next();
            var message = new Message<byte[]?, byte[]?> { Key = record.Key, Value = record.Value, Headers = record.Headers };
            while (true)
            {
                try
                {
                    producer.Produce(_prefix + record.Topic, message, report => failure = report.Error.IsError ? report.Error : failure);
                    break;
                }
                catch (ProduceException<byte[]?, byte[]?> e) when (e.Error.Code == ErrorCode.Local_QueueFull)
                {
                    await Task.Delay(10);
                }
            }
        }

        producer.Flush();
        if (failure is not null)
        {
            throw new FuzzException($"A generated record could not be written: {failure}.");
        }
    }

    private async Task UntilSettledAsync(Tally tally)
    {
        var changed = Stopwatch.StartNew();
        var nextReport = TimeSpan.Zero;
        var clock = Stopwatch.StartNew();
        long last = -1;
        while (true)
        {
            var plain = Outcomes(tally, Plain);
            var stored = Outcomes(tally, Stored);
            if (plain >= options.Records && stored >= options.Records)
            {
                return;
            }

            if (plain + stored != last)
            {
                last = plain + stored;
                changed.Restart();
            }
            else if (changed.Elapsed > Patience)
            {
                return;
            }

            if (clock.Elapsed >= nextReport)
            {
                nextReport = clock.Elapsed + TimeSpan.FromSeconds(15);
                Console.Error.WriteLine($"  {clock.Elapsed.TotalSeconds,4:0} s: {plain} and {stored} of {options.Records}");
            }

            await Task.Delay(100);
        }
    }

    /// <summary>The dead letters of the consumer with a database go by its outbox.</summary>
    private async Task UntilRelayedAsync()
    {
        var limit = Stopwatch.StartNew();
        while (await CountAsync("SELECT count(*) AS \"Value\" FROM outbox_messages") > 0 && limit.Elapsed < Patience)
        {
            await Task.Delay(100);
        }
    }

    private long Outcomes(Tally tally, string consumer) =>
        tally.Sum("cuckoo.eventbus.consumer.handled", consumer) + tally.Sum("cuckoo.eventbus.dead_letters", consumer)
        + tally.Sum("cuckoo.eventbus.consumer.duplicates", consumer) + Skipped(tally, consumer);

    private long Skipped(Tally tally, string consumer) => tally.Sum("cuckoo.eventbus.consumer.unknown_types", Group(consumer));

    private async Task<bool> CheckAsync(Tally tally, TroubleLog trouble)
    {
        var problems = trouble.Entries.ToList();
        var skipped = Skipped(tally, Plain) + Skipped(tally, Stored);
        var letters = await LettersAsync();
        var twice = 0L;
        foreach (var consumer in new[] { Plain, Stored })
        {
            var dead = tally.Sum("cuckoo.eventbus.dead_letters", consumer);
            Expect($"outcomes of {consumer}", options.Records, Outcomes(tally, consumer));
            Expect($"letters of {consumer} on the topic", dead, letters.Where(l => l.Key.Consumer == consumer).Sum(l => l.Value));
            twice += letters.Count(l => l.Key.Consumer == consumer && l.Value > 1);
        }

        Expect("repeats of the plain consumer, which has no inbox", 0, tally.Sum("cuckoo.eventbus.consumer.duplicates", Plain));
        Expect("skipped by both", Skipped(tally, Plain), Skipped(tally, Stored));
        Expect("records that the plain consumer handled", tally.Sum("cuckoo.eventbus.consumer.handled", Plain), tally.HandledRecords.Count);
        twice += tally.HandledRecords.Count(r => r.Value > 1 || letters.ContainsKey((Plain, r.Key.Topic, r.Key.Partition, r.Key.Offset)));
        Expect("effects in the database", tally.Sum("cuckoo.eventbus.consumer.handled", Stored), await CountAsync("SELECT count(*) AS \"Value\" FROM seen"));
        Expect("done in the inbox", tally.Sum("cuckoo.eventbus.consumer.handled", Stored), await CountAsync($"SELECT count(*) AS \"Value\" FROM inbox_messages WHERE outcome = 0 AND consumer = '{Stored}'"));
        Expect("rows of dead letters", tally.Sum("cuckoo.eventbus.dead_letters", Stored), await CountAsync($"SELECT count(*) AS \"Value\" FROM dead_letters WHERE consumer = '{Stored}'"));

        foreach (var problem in problems)
        {
            Console.WriteLine("  " + problem);
        }

        var missing = Math.Max(0, options.Records - Outcomes(tally, Plain)) + Math.Max(0, options.Records - Outcomes(tally, Stored));
        var handled = tally.Sum("cuckoo.eventbus.consumer.handled", Plain) + tally.Sum("cuckoo.eventbus.consumer.handled", Stored);
        var all = tally.Sum("cuckoo.eventbus.dead_letters", Plain) + tally.Sum("cuckoo.eventbus.dead_letters", Stored);
        var repeats = tally.Sum("cuckoo.eventbus.consumer.duplicates", Plain) + tally.Sum("cuckoo.eventbus.consumer.duplicates", Stored);
        Console.WriteLine($"records {options.Records} handled {handled} skipped {skipped} dead {all} repeats {repeats} missing {missing} twice {twice}");
        return problems.Count == 0 && missing == 0 && twice == 0;

        void Expect(string what, long expected, long found)
        {
            if (expected != found)
            {
                problems.Add($"{what}: {found}, but should be {expected}.");
            }
        }
    }

    /// <summary>How many dead letters the topic has of each record and consumer.</summary>
    private Task<Dictionary<(string Consumer, string Topic, int Partition, long Offset), int>> LettersAsync() => Task.Run(() =>
    {
        using var reader = new ConsumerBuilder<Ignore, Ignore>(new ConsumerConfig
        {
            BootstrapServers = broker.BootstrapServers,
            GroupId = _prefix + "reader",
            EnableAutoCommit = false,
            EnablePartitionEof = true,
        }).Build();
        reader.Assign(Enumerable.Range(0, Partitions).Select(p => new TopicPartitionOffset(_prefix + DeadLetterTopic, p, Offset.Beginning)));
        var letters = new Dictionary<(string, string, int, long), int>();
        for (var open = Partitions; open > 0;)
        {
            var result = reader.Consume(Patience) ?? throw new FuzzException("The dead-letter topic could not be read to its end.");
            if (result.IsPartitionEOF)
            {
                open--;
                continue;
            }

            // The bus's own come after those of the record.
            string Header(string name) => Encoding.UTF8.GetString(result.Message.Headers.GetLastBytes(name));
            var record = (
                Header("dlq_consumer"),
                Header("dlq_original_topic"),
                int.Parse(Header("dlq_original_partition"), CultureInfo.InvariantCulture),
                long.Parse(Header("dlq_original_offset"), CultureInfo.InvariantCulture));
            letters[record] = letters.GetValueOrDefault(record) + 1;
        }

        return letters;
    });

    private Task<long> CountAsync(string sql) => database.AskAsync<FuzzContext, long>(db => db.Database.SqlQueryRaw<long>(sql).SingleAsync());
}
