using System.Diagnostics;
using Confluent.Kafka;
using Cuckoo.EventBus.Tests.Consuming.Group;
using Cuckoo.EventBus.Tests.Sample;
using Microsoft.Extensions.Diagnostics.HealthChecks;

namespace Cuckoo.EventBus.Tests.Health;

/// <summary>What consumers tell about themselves.</summary>
public sealed class ConsumerHealthTests(KafkaFixture kafka, PostgresFixture databases)
{
    private static readonly TimeSpan MaxStall = TimeSpan.FromSeconds(2);

    [Fact]
    public async Task A_consumer_that_finishes_nothing_although_there_is_something_is_unhealthy_until_it_does()
    {
        await using var members = await Members.OpenAsync(await kafka.Broker, databases);
        var release = new TaskCompletionSource();
        var (service, _) = await members.StartAsync(Stall(), async h =>
        {
            await release.Task;
            h.AddEffect();
        });
        await members.SendAsync(1, partition: 1);

        // Before that it may be unhealthy because joining the group takes so long.
        var partition = $"{members.Bus.Prefix}{Topics.Orders}/1";
        var health = await Eventually.Until(
            () => Members.HealthOf(service), h => h.Status == HealthStatus.Unhealthy && h.Description!.Contains(partition, StringComparison.Ordinal));

        Assert.Contains("the oldest is at offset 0", health.Description, StringComparison.Ordinal);
        Assert.Equal(1L, health.Data[$"{service.Name} lag"]);
        Assert.Equal(["ready"], health.Tags);
        release.SetResult();
        await Eventually.True(async () => (await Members.HealthOf(service)).Status == HealthStatus.Healthy);
    }

    [Fact]
    public async Task A_consumer_that_is_late_is_degraded_and_then_unhealthy_where_the_options_say_from_when_on()
    {
        await using var members = await Members.OpenAsync(await kafka.Broker, databases);
        var release = new TaskCompletionSource();
        var (service, _) = await members.StartAsync(
            new() { ["EventBus:Health:ConsumerDegradedLagTime"] = "00:00:01", ["EventBus:Health:ConsumerUnhealthyLagTime"] = "00:00:03" },
            _ => release.Task);
        await members.SendAsync(1, partition: 1);

        var unhealthy = await Eventually.Until(() => Members.HealthOf(service), h => h.Status == HealthStatus.Unhealthy);

        Assert.Contains($"late at {members.Bus.Prefix}{Topics.Orders}/1, where 1 records wait", unhealthy.Description, StringComparison.Ordinal);
        Assert.Contains("more instances", Assert.Single((IEnumerable<string>)unhealthy.Data["what to do"]), StringComparison.Ordinal);
        release.SetResult();
        await Eventually.True(async () => (await Members.HealthOf(service)).Status == HealthStatus.Healthy);
    }

    [Fact]
    public async Task A_stall_degrades_before_it_is_unhealthy_where_the_options_say_so()
    {
        await using var members = await Members.OpenAsync(await kafka.Broker, databases);
        var release = new TaskCompletionSource();
        var (service, _) = await members.StartAsync(
            new() { ["EventBus:Health:ConsumerDegradedStall"] = "00:00:02", ["EventBus:Health:ConsumerUnhealthyStall"] = "00:00:15" },
            _ => release.Task);
        await members.SendAsync(1, partition: 1);

        var partition = $"{members.Bus.Prefix}{Topics.Orders}/1";
        var degraded = await Eventually.Until(
            () => Members.HealthOf(service), h => h.Status == HealthStatus.Degraded && h.Description!.Contains(partition, StringComparison.Ordinal));

        Assert.Contains("has finished nothing", degraded.Description, StringComparison.Ordinal);
        await Eventually.True(async () => (await Members.HealthOf(service)).Status == HealthStatus.Unhealthy);
        release.SetResult();
        await Eventually.True(async () => (await Members.HealthOf(service)).Status == HealthStatus.Healthy);
    }

    [Fact]
    public async Task Consumers_that_have_nothing_to_do_are_healthy_also_where_the_last_thing_in_a_partition_is_no_record()
    {
        var broker = await kafka.Broker;
        broker.RequireReal("Transactions");
        await using var members = await Members.OpenAsync(broker, databases);
        using (var producer = new ProducerBuilder<string, string>(new ProducerConfig { BootstrapServers = broker.BootstrapServers, TransactionalId = members.Bus.Prefix }).Build())
        {
            producer.InitTransactions(Eventually.Limit);
            producer.BeginTransaction();
            foreach (var partition in Enumerable.Range(0, 2))
            {
                await producer.ProduceAsync(new TopicPartition(members.Bus.Prefix + Topics.Orders, partition), new() { Key = "a", Value = """{"orderId":"a","number":1}""", Headers = new() { { "ce_type", "order.placed"u8.ToArray() } } });
            }

            producer.CommitTransaction();
        }

        var (service, script) = await members.StartAsync(Stall());
        await Eventually.Equal(2, () => script.Seen.Count);
        var clock = Stopwatch.StartNew();

        // Half of it would be enough for an alarm that is false.
        await Eventually.True(() => clock.Elapsed > MaxStall * 2);
        var health = await Members.HealthOf(service);
        Assert.Equal((HealthStatus.Healthy, null), (health.Status, health.Description));
        Assert.Equal("0 0 0", string.Join(' ', Members.StatusOf(service).Partitions.Select(p => p.Lag)));
        Assert.Equal("0 2 2", string.Join(' ', Members.StatusOf(service).Partitions.Select(p => p.NextOffset).Order()));
    }

    [Fact]
    public async Task A_consumer_paused_by_its_failures_is_unhealthy_when_records_have_waited_too_long()
    {
        await using var members = await Members.OpenAsync(await kafka.Broker, databases);
        // Long enough to be seen paused before it is too long.
        var (service, _) = await members.StartAsync(
            Stall(TimeSpan.FromSeconds(10)),
            _ => throw new InvalidOperationException("closed"),
            options =>
            {
                options.PauseOn<InvalidOperationException>();
                options.PauseTime = TimeSpan.FromHours(1);
            });
        await members.SendAsync(1, partition: 1);

        var paused = await Eventually.Until(() => Members.HealthOf(service), h => h.Status == HealthStatus.Degraded);
        Assert.Contains("closed", paused.Description, StringComparison.Ordinal);
        var health = await Eventually.Until(() => Members.HealthOf(service), h => h.Status == HealthStatus.Unhealthy);
        Assert.Contains("IConsumerAdministration.Resume", health.Description, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_process_without_consumers_says_nothing_and_one_with_a_broker_says_that_it_answers()
    {
        await using var members = await Members.OpenAsync(await kafka.Broker, databases);
        var (service, _) = await members.StartAsync(new() { ["EventBus:Consumers:Enabled"] = "false" });

        Assert.Equal(HealthStatus.Healthy, (await Members.HealthOf(service)).Status);
        Assert.Equal(HealthStatus.Healthy, (await Members.HealthOf(service, "cuckoo-eventbus-broker")).Status);
        Assert.Equal(ConsumerState.Stopped, Members.StatusOf(service).State);
    }

    private static Dictionary<string, string?> Stall(TimeSpan? limit = null) => new() { ["EventBus:Health:ConsumerUnhealthyStall"] = $"{limit ?? MaxStall}" };
}
