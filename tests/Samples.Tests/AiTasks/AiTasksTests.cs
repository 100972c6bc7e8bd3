using System.Globalization;
using System.Net.Http.Json;
using System.Text.Json;
using System.Text.RegularExpressions;
using Confluent.Kafka;
using Confluent.Kafka.Admin;

namespace Samples.Tests.AiTasks;

public sealed partial class AiTasksTests(AiTasksService service) : IClassFixture<AiTasksService>
{
    [Fact]
    public async Task Tasks_that_Python_queues_are_accepted_here_and_Python_reads_that()
    {
        var ai = await service.RunningAsync();
        var before = DateTimeOffset.UtcNow;

        var queued = await ProduceAsync(ai, "--count", "3", "--model", "llama-3");

        Assert.Equal(3, queued.Count);
        Assert.All(queued, line => Assert.Matches("^task_id=[-0-9a-f]{36} model=llama-3 input=input number [123]$", line));
        foreach (var line in queued)
        {
            var accepted = await ai.Program.SaysAsync(Accepting(TaskId(line)));
            Assert.Equal("llama-3", accepted.Groups["model"].Value);
            Assert.StartsWith("input number ", accepted.Groups["input"].Value, StringComparison.Ordinal);
            var timestamp = DateTimeOffset.Parse(accepted.Groups["timestamp"].Value, CultureInfo.InvariantCulture);
            Assert.InRange(timestamp, before.AddSeconds(-1), DateTimeOffset.UtcNow.AddSeconds(1));
            await RecordAsync(ai, AiTasksService.ModelEvents, TaskId(line));
        }

        Assert.Superset(queued.ToHashSet(), (await ConsumeAsync(ai, AiTasksService.ModelEvents)).ToHashSet());
    }

    [Fact]
    public async Task What_Python_queues_is_plain_JSON_without_headers()
    {
        var ai = await service.RunningAsync();

        var id = TaskId(Assert.Single(await ProduceAsync(ai, "--count", "1")));

        var record = await RecordAsync(ai, AiTasksService.Queue, id);
        Assert.Empty(record.Headers);
        Assert.Equal(["task_id", "model", "input", "timestamp"], MembersOf(record));
    }

    [Fact]
    public async Task A_task_published_here_is_read_by_a_Python_worker_of_group_ai_task_processor()
    {
        var ai = await service.RunningAsync();
        using var http = new HttpClient { BaseAddress = ai.Address };

        using var response = await http.PostAsJsonAsync("/tasks", new { model = "llama-3", input = "wie schön 你好", taskId = "from-here-1" });

        response.EnsureSuccessStatusCode();
        var read = await ConsumeAsync(ai, AiTasksService.Queue);
        Assert.Contains("task_id=from-here-1 model=llama-3 input=wie schön 你好", read);
        Assert.Equal(read.Count, await CommittedAsync(ai, "ai-task-processor"));
    }

    [Fact]
    public async Task What_is_published_here_has_the_members_and_the_partition_that_Python_would_have_given_it()
    {
        var ai = await service.RunningAsync();
        using var http = new HttpClient { BaseAddress = ai.Address };
        var id = TaskId(Assert.Single(await ProduceAsync(ai, "--count", "1")));

        using var response = await http.PostAsJsonAsync("/tasks", new { model = "llama-3", input = "the same task", taskId = id });

        response.EnsureSuccessStatusCode();
        var records = await Eventually.Until(
            async () => (await ai.Broker.ReadAsync(ai.Prefix + AiTasksService.Queue)).Where(r => r.KeyText == id).ToList(), found => found.Count == 2);
        Assert.Equal(records[0].Partition, records[1].Partition);
        Assert.Equal(MembersOf(records[0]), MembersOf(records[1]));
        Assert.Equal(JsonValueKind.Number, records[1].Json.GetProperty("timestamp").ValueKind);
    }

    [Fact]
    public async Task A_timestamp_that_Python_wrote_with_isoformat_is_understood()
    {
        var ai = await service.RunningAsync();

        await ai.Broker.ProduceAsync(
            ai.Prefix + AiTasksService.Queue,
            "iso-1"u8.ToArray(),
            """{"task_id": "iso-1", "model": "llama-3", "input": "x", "timestamp": "2031-02-03T04:05:06.789000+00:00"}"""u8.ToArray());

        var answer = await RecordAsync(ai, AiTasksService.ModelEvents, "iso-1");
        Assert.Equal("accepted", answer.Json.GetProperty("status").GetString());
        Assert.Contains("02/03/2031 04:05:06", (await ai.Program.SaysAsync(Accepting("iso-1"))).Value, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_task_that_comes_twice_is_accepted_twice_under_one_id()
    {
        var ai = await service.RunningAsync();

        for (var time = 0; time < 2; time++)
        {
            await ai.Broker.ProduceAsync(
                ai.Prefix + AiTasksService.Queue, "twice"u8.ToArray(), """{"task_id": "twice", "model": "llama-3", "input": "x", "timestamp": 1735689600.5}"""u8.ToArray());
        }

        var answers = await Eventually.Until(
            async () => (await ai.Broker.ReadAsync(ai.Prefix + AiTasksService.ModelEvents)).Where(r => r.KeyText == "twice").ToList(), found => found.Count == 2);
        Assert.Single(answers.Select(answer => answer.Headers["ce_id"]).Distinct());
    }

    private static Task<IReadOnlyList<string>> ProduceAsync(AiTasksService.Running ai, params string[] arguments) =>
        Python.RunAsync("producer.py", ["--bootstrap-servers", ai.Broker.BootstrapServers, "--topic", ai.Prefix + AiTasksService.Queue, .. arguments]);

    /// <summary>All that is in a topic, as the script prints it: the tests of this class share the topics.</summary>
    private static async Task<IReadOnlyList<string>> ConsumeAsync(AiTasksService.Running ai, string topic)
    {
        var records = await ai.Broker.ReadAsync(ai.Prefix + topic);
        return await Python.RunAsync("consumer.py", "--bootstrap-servers", ai.Broker.BootstrapServers, "--topic", ai.Prefix + topic, "--count", $"{records.Count}", "--timeout", "50");
    }

    private static async Task<KafkaRecord> RecordAsync(AiTasksService.Running ai, string topic, string key) =>
        (await Eventually.Until(async () => (await ai.Broker.ReadAsync(ai.Prefix + topic)).FirstOrDefault(r => r.KeyText == key), record => record is not null))!;

    /// <summary>How many records of the queue a group has behind it.</summary>
    private static async Task<long> CommittedAsync(AiTasksService.Running ai, string group)
    {
        var groups = await ai.Broker.Admin.ListConsumerGroupOffsetsAsync([new ConsumerGroupTopicPartitions(group, null)]);
        return groups.Single().Partitions.Where(p => p.Topic == ai.Prefix + AiTasksService.Queue && p.Offset != Offset.Unset).Sum(p => p.Offset.Value);
    }

    private static List<string> MembersOf(KafkaRecord record) => [.. record.Json.EnumerateObject().Select(member => member.Name)];

    private static string TaskId(string line) => TaskIdOf.Match(line).Groups[1].Value;

    private static Regex Accepting(string taskId) =>
        new($@"Accepting AiTask {{ TaskId = {taskId}, Model = (?<model>[^,]+), Input = (?<input>[^,]+), Timestamp = (?<timestamp>.+?) }}");

    [GeneratedRegex("^task_id=(\\S+) ")]
    private static partial Regex TaskIdOf { get; }
}
