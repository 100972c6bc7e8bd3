using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Diagnostics.HealthChecks;

namespace Cuckoo.EventBus.Conformance;

/// <summary>Consumers that stop for a while instead of giving everything up.</summary>
public abstract class Pauses(Pair pair)
{
    private static readonly TimeSpan Never = TimeSpan.FromHours(1);

    [Fact]
    public async Task An_exception_that_pauses_charges_no_attempt_and_the_record_is_handled_later()
    {
        var calls = 0;
        await using var shop = await pair.OpenAsync(
            Pausing(TimeSpan.FromMilliseconds(200)),
            script: script => script[Warehouse.Ship] = h =>
            {
                h.AddEffect();
                return h.Number == 1 && Interlocked.Increment(ref calls) <= 3 ? throw new TimeoutException() : Task.CompletedTask;
            });

        await shop.SendAsync(new OrderPlaced("a", 1));
        await shop.SendAsync(new OrderPlaced("a", 2));

        await shop.EventuallyNumbersAsync(1, 2);
        Assert.Equal([1, 2], await shop.NumbersAsync());
        Assert.All(shop.Script.Seen, h => Assert.Equal(1, h.Context.Attempt));
        Assert.Empty(await shop.DeadLettersAsync());
    }

    [Fact]
    public async Task A_paused_consumer_handles_no_record_and_others_go_on()
    {
        await using var shop = await pair.OpenAsync(
            b =>
            {
                Pausing(Never)(b);
                b.AddConsumer<Scripted<OrderPlaced>>("bill");
            },
            script: script => script[Warehouse.Ship] = h => throw new TimeoutException());
        await shop.SendAsync(new OrderPlaced("a", 1));
        var administration = shop.Service.Services.GetRequiredService<IConsumerAdministration>();
        await Eventually.Equal(ConsumerState.Paused, () => Assert.Single(administration.List(), c => c.Name == Warehouse.Ship).State);
        await shop.EventuallyNumbersAsync(1);

        // Of the same key too: what one consumer waits for is not the other's concern.
        await Task.WhenAll(Enumerable.Range(2, 20).Select(n => shop.SendAsync(new OrderPlaced("a", n))));

        await shop.EventuallyNumbersAsync([.. Enumerable.Range(1, 21)]);
        Assert.Single(shop.Script.Seen, h => h.Context.Consumer == Warehouse.Ship);
    }

    [Fact]
    public async Task What_came_during_a_pause_is_handled_after_a_restart()
    {
        await using var shop = await pair.OpenAsync(Pausing(Never), script: script => script[Warehouse.Ship] = h => throw new TimeoutException());
        await shop.SendAsync(new OrderPlaced("a", 1));
        await shop.SendAsync(new OrderPlaced("a", 2));
        await Eventually.True(() => !shop.Script.Seen.IsEmpty);

        await shop.RestartAsync();

        await shop.EventuallyNumbersAsync(1, 2);
        Assert.Equal([(1, 1), (2, 1)], shop.Script.Calls());
        Assert.Empty(await shop.DeadLettersAsync());
    }

    [Fact]
    public async Task A_consumer_whose_records_nearly_all_fail_pauses_before_it_gives_all_of_them_up()
    {
        await using var shop = await pair.OpenAsync(
            Switching(Never), script: script => script[Warehouse.Ship] = _ => throw new InvalidOperationException("a bad deploy"));
        await Task.WhenAll(Enumerable.Range(1, 40).Select(n => shop.SendAsync(new OrderPlaced($"{n}", n))));
        await shop.DeadLettersAsync(4);

        await shop.RestartAsync();

        await Eventually.Equal(40, async () => (await shop.NumbersAsync()).Count + (await shop.DeadLettersAsync()).Count);
        Assert.InRange((await shop.DeadLettersAsync()).Count, 4, 8);
    }

    [Fact]
    public async Task After_the_kill_switchs_pause_a_consumer_goes_on_by_itself()
    {
        var fails = true;
        await using var shop = await pair.OpenAsync(
            Switching(TimeSpan.FromMilliseconds(500)),
            script: script => script[Warehouse.Ship] = h =>
            {
                h.AddEffect();
                return fails ? throw new InvalidOperationException("a bad deploy") : Task.CompletedTask;
            });
        await Task.WhenAll(Enumerable.Range(1, 40).Select(n => shop.SendAsync(new OrderPlaced($"{n}", n))));
        await shop.DeadLettersAsync(4);

        fails = false;

        await Eventually.Equal(40, async () => (await shop.NumbersAsync()).Count + (await shop.DeadLettersAsync()).Count);
        Assert.NotEmpty(await shop.NumbersAsync());
    }

    [Fact]
    public async Task A_person_can_pause_a_consumer_and_have_it_go_on()
    {
        await using var shop = await pair.OpenAsync(b => b.AddConsumer<Scripted<OrderPlaced>>(Warehouse.Ship).AddConsumer<Scripted<OrderPlaced>>("bill"));
        var administration = shop.Service.Services.GetRequiredService<IConsumerAdministration>();

        administration.Pause(Warehouse.Ship, "stock-taking");
        await Task.WhenAll(Enumerable.Range(1, 10).Select(n => shop.SendAsync(new OrderPlaced($"{n}", n))));
        await shop.EventuallyNumbersAsync([.. Enumerable.Range(1, 10)]);

        var status = Assert.Single(administration.List(), c => c.Name == Warehouse.Ship);
        Assert.Equal(ConsumerState.Paused, status.State);
        Assert.Contains("stock-taking", status.Reason, StringComparison.Ordinal);
        Assert.DoesNotContain(shop.Script.Seen, h => h.Context.Consumer == Warehouse.Ship);
        administration.Resume(Warehouse.Ship);
        await Eventually.Equal(20, async () => (await shop.NumbersAsync()).Count);
        Assert.Equal(ConsumerState.Running, Assert.Single(administration.List(), c => c.Name == Warehouse.Ship).State);
    }

    [Fact]
    public async Task A_person_can_end_the_pause_that_an_exception_began()
    {
        var calls = 0;
        await using var shop = await pair.OpenAsync(Pausing(Never), script: script => script[Warehouse.Ship] = h =>
        {
            h.AddEffect();
            return Interlocked.Increment(ref calls) == 1 ? throw new TimeoutException() : Task.CompletedTask;
        });
        var administration = shop.Service.Services.GetRequiredService<IConsumerAdministration>();
        await shop.SendAsync(new OrderPlaced("a", 1));
        await Eventually.Equal(ConsumerState.Paused, () => Assert.Single(administration.List()).State);

        administration.Resume(Warehouse.Ship);

        await shop.EventuallyNumbersAsync(1);
        Assert.Equal([(1, 1), (1, 1)], shop.Script.Calls());
    }

    [Fact]
    public async Task The_health_check_says_that_a_consumer_is_paused_and_why()
    {
        await using var shop = await pair.OpenAsync(b =>
        {
            b.Services.AddHealthChecks().AddCuckooEventBus();
            b.AddConsumer<Scripted<OrderPlaced>>(Warehouse.Ship);
        });
        var health = shop.Service.Services.GetRequiredService<HealthCheckService>();
        await Eventually.Equal(HealthStatus.Healthy, async () => (await health.CheckHealthAsync()).Status);

        shop.Service.Services.GetRequiredService<IConsumerAdministration>().Pause(Warehouse.Ship, "stock-taking");

        var report = await health.CheckHealthAsync(TestContext.Current.CancellationToken);
        Assert.NotEqual(HealthStatus.Healthy, report.Status);
        Assert.Contains(report.Entries.Values, e => e.Status != HealthStatus.Healthy && $"{e.Description}".Contains("stock-taking", StringComparison.Ordinal));
    }

    [Fact]
    public async Task The_state_of_a_consumer_names_its_partitions_and_how_far_they_are()
    {
        await using var shop = await pair.OpenAsync();
        var administration = shop.Service.Services.GetRequiredService<IConsumerAdministration>();

        await shop.SendAsync(new OrderPlaced("a", 1), partition: 1);
        await shop.EventuallyNumbersAsync(1);

        await Eventually.True(() => Assert.Single(administration.List()).Partitions.Any(p => p is { Partition: 1, NextOffset: 1, Lag: 0 }));
        var status = Assert.Single(administration.List());
        Assert.Equal((Warehouse.Ship, shop.Service.Name, ConsumerState.Running), (status.Name, status.Group, status.State));
        Assert.Equal([0, 1, 2], status.Partitions.Select(p => p.Partition).Order());
    }

    private static Action<EventBusBuilder> Pausing(TimeSpan time) => b => b.AddConsumer<Scripted<OrderPlaced>>(Warehouse.Ship, o =>
    {
        (o.Attempts, o.PauseTime, o.Concurrency) = (1, time, 1);
        o.PauseOn<TimeoutException>();
    });

    private static Action<EventBusBuilder> Switching(TimeSpan pause) => b => b.AddConsumer<Scripted<OrderPlaced>>(Warehouse.Ship, o =>
    {
        (o.Attempts, o.Concurrency) = (1, 1);
        (o.KillSwitch.FailureRate, o.KillSwitch.MinimumAttempts, o.KillSwitch.Pause) = (0.5, 4, pause);
    });
}

public sealed class Pauses_on_embedded_and_SQLite(EmbeddedAndSqlite pair) : Pauses(pair);

public sealed class Pauses_on_Kafka_and_PostgreSQL(KafkaAndPostgreSql pair) : Pauses(pair);
