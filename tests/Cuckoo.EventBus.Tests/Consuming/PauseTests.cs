using Cuckoo.EventBus.Tests.Consuming.Group;
using Cuckoo.EventBus.Tests.Sample;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Diagnostics.HealthChecks;

namespace Cuckoo.EventBus.Tests.Consuming;

/// <summary>A consumer that is paused takes no attempts, charges nobody, and keeps its place in the group and its records.</summary>
public sealed class PauseTests(KafkaFixture kafka, PostgresFixture databases)
{
    [Fact]
    public async Task A_person_pauses_a_consumer_and_resumes_it()
    {
        await using var members = await OpenAsync();
        var (service, script) = await members.StartAsync([]);
        var administration = service.Services.GetRequiredService<IConsumerAdministration>();
        await Eventually.Equal("0 1 2", () => Members.PartitionsOf(service));

        administration.Pause(Warehouse.Ship, "the printer is on fire");
        await members.SendToEachAsync(1);
        await Eventually.Equal(3, () => Members.StatusOf(service).InFlight);

        var status = Members.StatusOf(service);
        Assert.Equal((ConsumerState.Paused, "the printer is on fire", 0), (status.State, status.Reason, status.Running));
        Assert.Equal("0 1 2", Members.PartitionsOf(service));
        await Eventually.Equal(3L, () => Members.StatusOf(service).Partitions.Sum(p => p.Lag ?? -1));
        Assert.All(Members.StatusOf(service).Partitions, p => Assert.True(p.LagTime > TimeSpan.Zero));
        Assert.Empty(script.Seen);
        var health = await Members.HealthOf(service);
        Assert.Equal(HealthStatus.Degraded, health.Status);
        Assert.Contains("the printer is on fire", health.Description, StringComparison.Ordinal);

        administration.Resume(Warehouse.Ship);
        await members.EventuallyNumbersAsync(1, 3);
        Assert.Equal((ConsumerState.Running, null), (Members.StatusOf(service).State, Members.StatusOf(service).Reason));
        await Eventually.Equal(0L, () => Members.StatusOf(service).Partitions.Sum(p => p.Lag ?? -1));
        Assert.All(script.Seen, h => Assert.Equal(1, h.Context.Attempt));
        Assert.Equal(HealthStatus.Healthy, (await Members.HealthOf(service)).Status);
    }

    [Fact]
    public async Task A_consumer_that_does_not_exist_can_be_neither_paused_nor_resumed()
    {
        await using var members = await OpenAsync();
        var (service, _) = await members.StartAsync([]);
        var administration = service.Services.GetRequiredService<IConsumerAdministration>();

        Assert.Contains("There are: ship", Assert.Throws<ArgumentException>(() => administration.Pause("shop")).Message, StringComparison.Ordinal);
        Assert.Throws<ArgumentException>(() => administration.Resume("shop"));
    }

    [Fact]
    public async Task What_a_paused_consumer_has_read_goes_to_the_next_owner_at_once()
    {
        await using var members = await OpenAsync();
        var (first, seen) = await members.StartAsync([]);
        first.Services.GetRequiredService<IConsumerAdministration>().Pause(Warehouse.Ship);
        await Eventually.Equal("0 1 2", () => Members.PartitionsOf(first));
        await members.SendToEachAsync(1);
        await Eventually.Equal(3, () => Members.StatusOf(first).InFlight);
        var clock = System.Diagnostics.Stopwatch.StartNew();

        await first.StopAsync();
        Assert.True(clock.Elapsed < TimeSpan.FromSeconds(15), $"It waited {clock.Elapsed} for records that do not run.");
        await members.StartAsync([]);

        await members.EventuallyNumbersAsync(1, 3);
        Assert.Empty(seen.Seen);
    }

    [Fact]
    public async Task An_exception_of_PauseOn_pauses_the_consumer_and_costs_no_attempt()
    {
        await using var members = await OpenAsync();
        var isClosed = true;
        var (service, script) = await members.StartAsync(
            [],
            h =>
            {
                if (isClosed)
                {
                    throw new ShopClosedException("Sunday");
                }

                h.AddEffect();
                return Task.CompletedTask;
            },
            options =>
            {
                options.Attempts = 1;
                options.PauseOn<ShopClosedException>();
                options.PauseTime = TimeSpan.FromSeconds(1);
            });

        await members.SendAsync(1, partition: 0, key: "a");
        await Eventually.Equal(ConsumerState.Paused, () => Members.StatusOf(service).State);
        var pause = Assert.Single(Members.StatusOf(service).Pauses);
        Assert.Equal(PauseReason.Exception, pause.Reason);
        Assert.Equal("The handler threw ShopClosedException: Sunday", pause.Detail);
        Assert.True(pause.Until > pause.Since);
        await members.SendAsync(2, partition: 1, key: "b");
        await Eventually.True(() => script.Seen.Count(h => h.Number == 1) >= 3);
        isClosed = false;

        await members.EventuallyNumbersAsync(1, 2);
        Assert.All(script.Seen, h => Assert.Equal(1, h.Context.Attempt));
        Assert.Empty(await members.Bus.ReadAsync(TestBus.DeadLetterTopic));
    }

    [Fact]
    public async Task A_kill_switch_pauses_a_consumer_that_fails_at_everything_and_lets_one_record_find_out_when_it_works()
    {
        await using var members = await OpenAsync();
        var isBroken = true;
        var (service, script) = await members.StartAsync(
            [],
            h =>
            {
                if (isBroken)
                {
                    throw new InvalidOperationException("a bad deploy");
                }

                h.AddEffect();
                return Task.CompletedTask;
            },
            options =>
            {
                options.Attempts = 1000;
                options.Concurrency = 4;
                options.KillSwitch.FailureRate = 0.5;
                options.KillSwitch.MinimumAttempts = 10;
                options.KillSwitch.Pause = TimeSpan.FromSeconds(1);
            });

        await Task.WhenAll(Enumerable.Range(1, 100).Select(n => members.SendAsync(n, partition: n % 3, key: $"{n}")));
        await Eventually.Equal(ConsumerState.Paused, () => Members.StatusOf(service).State);
        Assert.Equal(PauseReason.KillSwitch, Assert.Single(Members.StatusOf(service).Pauses).Reason);
        Assert.Contains("a bad deploy", Members.StatusOf(service).Reason, StringComparison.Ordinal);

        // Ten to see it, those that ran then, and one for each pause.
        var seen = script.Seen.Count;
        Assert.InRange(seen, 10, 20);
        await Eventually.True(() => script.Seen.Count >= seen + 2);
        Assert.InRange(script.Seen.Count, seen + 2, seen + 4);
        isBroken = false;

        await members.EventuallyNumbersAsync(1, 100);
        Assert.Equal(ConsumerState.Running, Members.StatusOf(service).State);
        Assert.Empty(await members.Bus.ReadAsync(TestBus.DeadLetterTopic));
    }

    [Fact]
    public async Task A_person_who_knows_better_ends_the_pause_of_a_kill_switch()
    {
        await using var members = await OpenAsync();
        var isBroken = true;
        var (service, _) = await members.StartAsync(
            [],
            h =>
            {
                if (isBroken)
                {
                    throw new InvalidOperationException("a bad deploy");
                }

                h.AddEffect();
                return Task.CompletedTask;
            },
            options =>
            {
                options.Attempts = 1000;
                options.KillSwitch.FailureRate = 1;
                options.KillSwitch.MinimumAttempts = 2;
                options.KillSwitch.Pause = TimeSpan.FromHours(1);
            });
        await members.SendToEachAsync(1);
        await Eventually.Equal(ConsumerState.Paused, () => Members.StatusOf(service).State);

        isBroken = false;
        service.Services.GetRequiredService<IConsumerAdministration>().Resume(Warehouse.Ship);

        await members.EventuallyNumbersAsync(1, 3);
    }

    [Fact]
    public async Task A_database_that_goes_away_pauses_its_consumers_which_go_on_by_themselves_and_charge_nobody()
    {
        await using var members = await OpenAsync();
        var (service, script) = await members.StartAsync([], options: options => options.Attempts = 1);
        await members.SendToEachAsync(1);
        await members.EventuallyNumbersAsync(1, 3);
        var server = await databases.ServerAsync();
        var name = new Npgsql.NpgsqlConnectionStringBuilder(members.Database.ConnectionString).Database;

        await server.ExecuteAsync($"ALTER DATABASE {name} ALLOW_CONNECTIONS false");
        try
        {
            await server.ExecuteAsync($"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{name}'");
            foreach (var n in Enumerable.Range(4, 30))
            {
                await members.SendAsync(n, n % 3, $"{n}");
            }

            await Eventually.Equal(ConsumerState.Paused, () => Members.StatusOf(service).State);
            Assert.Equal(PauseReason.DatabaseAway, Assert.Single(Members.StatusOf(service).Pauses).Reason);
            Assert.Contains("ShopContext", Members.StatusOf(service).Reason, StringComparison.Ordinal);
            await Eventually.Equal(30, () => Members.StatusOf(service).InFlight);
            Assert.Equal("0 1 2", Members.PartitionsOf(service));
            Assert.Equal(HealthStatus.Degraded, (await Members.HealthOf(service)).Status);
        }
        finally
        {
            await server.ExecuteAsync($"ALTER DATABASE {name} ALLOW_CONNECTIONS true");
        }

        await members.EventuallyNumbersAsync(1, 33);
        Assert.Equal(ConsumerState.Running, Members.StatusOf(service).State);
        Assert.All(script.Seen, h => Assert.Equal(1, h.Context.Attempt));
        Assert.Empty(await members.Bus.ReadAsync(TestBus.DeadLetterTopic));
        Assert.Single(service.Log.Entries, e => e.Id.Name == "Paused");
    }

    private async Task<Members> OpenAsync() => await Members.OpenAsync(await kafka.Broker, databases);

    private sealed class ShopClosedException(string message) : Exception(message);
}
