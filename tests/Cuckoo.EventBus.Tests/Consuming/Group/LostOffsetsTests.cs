using Confluent.Kafka;
using Cuckoo.EventBus.Consuming;
using Cuckoo.EventBus.Inbox;
using Cuckoo.EventBus.Storage;
using Cuckoo.EventBus.Tests.Sample;
using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Diagnostics.HealthChecks;
using Microsoft.Extensions.Logging.Abstractions;

namespace Cuckoo.EventBus.Tests.Consuming.Group;

/// <summary>A group whose positions Kafka has forgotten while it was away, although its inbox has not.</summary>
public sealed class LostOffsetsTests(KafkaFixture kafka, PostgresFixture databases)
{
    [Fact]
    public async Task It_reads_nothing_until_a_person_chooses_where_to_start_and_says_so()
    {
        await using var members = await OpenAsync();
        await WorkAndForgetAsync(members, TimeSpan.FromDays(2));
        await members.SendAsync(2, 0);

        var (first, _) = await members.StartAsync([]);
        var (second, _) = await members.StartAsync([]);

        await EventuallyAsync(first, ConsumerState.Held);
        await EventuallyAsync(second, ConsumerState.Held);
        var health = await Members.HealthOf(first);
        Assert.Equal(HealthStatus.Unhealthy, health.Status);
        foreach (var text in new[] { health.Description!, Members.StatusOf(first).Reason!, first.Log.Entries.Single(entry => entry.Id.Id == 450).Message })
        {
            Assert.Contains($"'{GroupOf(members)}'", text, StringComparison.Ordinal);
            Assert.Contains("StartGroupAsync", text, StringComparison.Ordinal);
        }

        Assert.Equal([1], await NumbersAsync(members));

        await Administration(first).StartGroupAsync(GroupOf(members), StartFrom.Earliest);

        await EventuallyNumbersAsync(members, 1, 2);
        await EventuallyAsync(first, ConsumerState.Running);
        await EventuallyAsync(second, ConsumerState.Running);
        Assert.Equal(HealthStatus.Healthy, (await Members.HealthOf(first)).Status);
        await Assert.ThrowsAsync<EventBusException>(() => Administration(first).StartGroupAsync(GroupOf(members), StartFrom.Earliest));
        await Assert.ThrowsAsync<ArgumentException>(() => Administration(first).StartGroupAsync("nobody", StartFrom.Earliest));
    }

    [Fact]
    public async Task From_the_latest_record_on_it_passes_over_what_came_meanwhile()
    {
        await using var members = await OpenAsync();
        await WorkAndForgetAsync(members, TimeSpan.FromDays(2));
        await members.SendAsync(2, 0);
        var (service, _) = await members.StartAsync([]);
        await EventuallyAsync(service, ConsumerState.Held);

        await Administration(service).StartGroupAsync(GroupOf(members), StartFrom.Latest);
        await members.SendAsync(3, 0);

        await EventuallyNumbersAsync(members, 1, 3);
    }

    [Fact]
    public async Task From_a_time_on_it_reads_what_is_as_young()
    {
        await using var members = await OpenAsync();
        await WorkAndForgetAsync(members, TimeSpan.FromDays(2));
        await members.SendAsync(2, 0);
        var time = (await members.Bus.ReadAsync(Topics.Orders, 2))[1].Timestamp.AddMilliseconds(1);
        await Eventually.True(() => DateTimeOffset.UtcNow > time.AddMilliseconds(1));
        await members.SendAsync(3, 0);
        var (service, _) = await members.StartAsync([]);
        await EventuallyAsync(service, ConsumerState.Held);

        await Administration(service).StartGroupAsync(GroupOf(members), time);

        await EventuallyNumbersAsync(members, 1, 3);
    }

    [Fact]
    public async Task Positions_that_an_operator_commits_release_it_too_and_it_stops_while_it_is_held()
    {
        await using var members = await OpenAsync();
        await WorkAndForgetAsync(members, TimeSpan.FromDays(2));
        await members.SendAsync(2, 0);
        var (service, _) = await members.StartAsync([]);
        await EventuallyAsync(service, ConsumerState.Held);
        await Eventually.Ends(service.StopAsync());
        (service, _) = await members.StartAsync([]);
        await EventuallyAsync(service, ConsumerState.Held);

        await members.Bus.Broker.Admin.AlterConsumerGroupOffsetsAsync(
            [new ConsumerGroupTopicPartitionOffsets(GroupOf(members), [new TopicPartitionOffset(members.Bus.Prefix + Topics.Orders, 0, 0)])]);

        await EventuallyNumbersAsync(members, 1, 2);
    }

    [Fact]
    public async Task A_group_that_began_today_starts_as_a_new_one()
    {
        await using var members = await OpenAsync();
        await WorkAndForgetAsync(members, TimeSpan.FromHours(23));
        await members.SendAsync(2, 0);

        var (service, script) = await members.StartAsync([]);

        await EventuallyNumbersAsync(members, 1, 2);
        Assert.Equal([2], script.Seen.Select(handling => handling.Number));
        Assert.Equal(ConsumerState.Running, Members.StatusOf(service).State);
    }

    [Fact]
    public async Task A_host_that_is_disposed_of_without_a_stop_ends_the_wait_and_not_the_process()
    {
        using var stopping = new CancellationTokenSource();
        var inbox = new InboxStore(new EventBusDatabase(typeof(ShopContext), new DisposedScopes(stopping), []), TimeProvider.System);
        var status = new GroupStatus("mill", [], TimeProvider.System);
        var lost = new LostOffsets(status, [inbox], new EventBus.Kafka.GroupOffsets(null!, "mill", []), TimeSpan.FromDays(7), TimeProvider.System, NullLogger<LostOffsets>.Instance);

        // Anything else would go through the group's thread, and no one is above a thread.
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => lost.WaitAsync(stopping.Token));
    }

    private static string GroupOf(Members members) => members.Bus.Prefix + "mill";

    private static IConsumerAdministration Administration(TestService service) => service.Services.GetRequiredService<IConsumerAdministration>();

    private static Task EventuallyAsync(TestService service, ConsumerState state) => Eventually.Equal(state, () => Members.StatusOf(service).State);

    private static Task<List<int>> NumbersAsync(Members members) =>
        members.Database.AskAsync<ShopContext, List<int>>(db => db.Effects.AsNoTracking().OrderBy(effect => effect.Number).Select(effect => effect.Number).ToListAsync());

    private static Task EventuallyNumbersAsync(Members members, params IReadOnlyList<int> expected) =>
        Eventually.Equal(string.Join(' ', expected), async () => string.Join(' ', await NumbersAsync(members)), what: "the numbers of the effects");

    /// <summary>One record is handled, the service stops, time goes by for the inbox, and Kafka forgets the group's positions.</summary>
    private static async Task WorkAndForgetAsync(Members members, TimeSpan ago)
    {
        var (service, _) = await members.StartAsync([]);
        await members.SendAsync(1, 0);
        await EventuallyNumbersAsync(members, 1);
        await service.StopAsync();
        var then = DateTime.UtcNow - ago;
        await members.Database.AskAsync<ShopContext, int>(db => db.Set<InboxMessage>().ExecuteUpdateAsync(set => set.SetProperty(mark => mark.DecidedAt, then)));
        await members.Bus.Broker.Admin.DeleteConsumerGroupOffsetsAsync(
            GroupOf(members), [.. Enumerable.Range(0, 3).Select(partition => new TopicPartition(members.Bus.Prefix + Topics.Orders, partition))]);
    }

    private async Task<Members> OpenAsync()
    {
        var broker = await kafka.Broker;
        broker.RequireReal("Positions that are deleted");
        return await Members.OpenAsync(broker, databases);
    }

    /// <summary>Services that are gone by the time they are asked for, as the group's stop is under way.</summary>
    private sealed class DisposedScopes(CancellationTokenSource stopping) : IServiceScopeFactory
    {
        public IServiceScope CreateScope()
        {
            stopping.Cancel();
            throw new ObjectDisposedException(nameof(IServiceProvider));
        }
    }
}
