using System.Text.Json;
using Cuckoo.EventBus.Tests.Sample;
using Microsoft.Extensions.DependencyInjection;

namespace Cuckoo.EventBus.Tests.Wire;

/// <summary>The other side is Python with kafka-python: plain JSON in snake_case, no headers.</summary>
public sealed class KafkaPythonTests(KafkaFixture kafka)
{
    /// <summary>Debian's python3-kafka is for the system's Python, not for whichever comes first.</summary>
    private const string Python = "/usr/bin/python3";

    [Fact]
    public async Task Python_reads_what_we_publish()
    {
        await RequirePythonAsync();
        await using var bus = await TestBus.CreateAsync(await RealBrokerAsync(), Topics.AiTasks);
        var service = await StartAsync(bus, new Script());
        await service.Services.GetRequiredService<IDirectEventPublisher>().PublishAsync(new AiTask("t1", "bird", "What sings „cuckoo“?") { OccurredAt = DateTimeOffset.UnixEpoch });

        var line = await PythonAsync(
            """
            import json, sys
            from kafka import KafkaConsumer
            consumer = KafkaConsumer(sys.argv[2], bootstrap_servers=sys.argv[1], auto_offset_reset='earliest', group_id=sys.argv[2] + 'ai-task-processor', value_deserializer=json.loads)
            record = next(consumer)
            headers = dict(record.headers)
            print(json.dumps([record.key.decode(), record.value, headers['ce_type'].decode(), headers['ce_specversion'].decode()]))
            consumer.close()
            """,
            bus.Broker.BootstrapServers,
            bus.Prefix + Topics.AiTasks);

        Assert.Equal(
            """["t1",{"task_id":"t1","model":"bird","input":"What sings \u201ecuckoo\u201c?","occurred_at":"1970-01-01T00:00:00+00:00"},"ai.task","1.0"]""",
            line.Replace(", ", ",", StringComparison.Ordinal).Replace(": ", ":", StringComparison.Ordinal).Trim());
    }

    [Fact]
    public async Task We_read_what_Python_writes()
    {
        await RequirePythonAsync();
        await using var bus = await TestBus.CreateAsync(await RealBrokerAsync(), Topics.AiTasks);
        var script = new Script();
        await StartAsync(bus, script);

        await PythonAsync(
            """
            import json, sys
            from kafka import KafkaProducer
            producer = KafkaProducer(bootstrap_servers=sys.argv[1], key_serializer=str.encode, value_serializer=lambda v: json.dumps(v).encode())
            for n in range(20):
                producer.send(sys.argv[2], key='t%d' % n, value={'task_id': 't%d' % n, 'model': 'bird', 'input': 'ü', 'timestamp': 1.5})
            producer.flush()
            """,
            bus.Broker.BootstrapServers,
            bus.Prefix + Topics.AiTasks);

        await Eventually.Equal(20, () => script.Seen.Count);
        Assert.Equal(Enumerable.Range(0, 20).Select(n => $"t{n} bird ü t{n}").Order(), script.Seen.Select(h => (Task: (AiTask)h.Event, h.Context.Key)).Select(s => $"{s.Task.TaskId} {s.Task.Model} {s.Task.Input} {s.Key}").Order());
    }

    [Fact]
    public async Task A_key_lands_in_the_partition_that_kafka_python_chooses()
    {
        await RequirePythonAsync();
        const int Partitions = 12;
        var broker = await RealBrokerAsync();
        await using var bus = await TestBus.CreateAsync(broker);
        await broker.CreateTopicAsync(bus.Prefix + Topics.Orders, Partitions);
        await broker.CreateTopicAsync(bus.Prefix + Topics.AiTasks);
        var service = await StartAsync(bus, new Script());
        var keys = Enumerable.Range(0, 1000).Select(n => (n % 4) switch
        {
            0 => Guid.NewGuid().ToString(),
            1 => $"order-{n}",
            2 => new string('ü', n % 7) + n,
            _ => $"{n}\0",
        }).ToList();

        await service.Services.GetRequiredService<IDirectEventPublisher>().PublishBatchAsync(keys.Select(key => new OrderPlaced(key, 1)));
        var theirs = JsonSerializer.Deserialize<int[]>(await PythonWithInputAsync(
            """
            import json, sys
            from kafka.partitioner import DefaultPartitioner
            choose = DefaultPartitioner()
            every = list(range(int(sys.argv[1])))
            print(json.dumps([choose(key.encode(), every, every) for key in json.load(sys.stdin)]))
            """,
            JsonSerializer.Serialize(keys),
            $"{Partitions}"))!;

        var ours = (await bus.ReadAsync(Topics.Orders)).ToDictionary(r => r.KeyText!, r => r.Partition);
        Assert.Equal(keys.Zip(theirs), keys.Select(key => (key, ours[key])));
        Assert.Equal(Partitions, theirs.Distinct().Count());
    }

    private async Task<KafkaBroker> RealBrokerAsync()
    {
        var broker = await kafka.Broker;
        broker.RequireReal("kafka-python");
        return broker;
    }

    private static async Task RequirePythonAsync()
    {
        try
        {
            await PythonAsync("import kafka");
        }
        catch (Exception e) when (e is InvalidOperationException or System.ComponentModel.Win32Exception)
        {
            Requirement.Missing($"{Python} has no kafka-python. Install it (Debian: python3-kafka)");
        }
    }

    private static Task<string> PythonAsync(string program, params IReadOnlyList<string> arguments) => PythonWithInputAsync(program, "", arguments);

    private static Task<string> PythonWithInputAsync(string program, string input, params IReadOnlyList<string> arguments) =>
        ServerProcess.RunAsync([Python, "-c", program, .. arguments], new Dictionary<string, string> { ["PYTHONIOENCODING"] = "utf-8" }, input).WaitAsync(TimeSpan.FromMinutes(1));

    private static async Task<TestService> StartAsync(TestBus bus, Script script)
    {
        script["think"] = _ => Task.CompletedTask;
        var service = bus.Build("ai", services =>
        {
            services.AddSingleton(script);
            services.AddCuckooEventBus(b => b.AddConsumer<Scripted<AiTask>>("think"));
        });
        await service.StartAsync();
        return service;
    }
}
