using System.Diagnostics;
using Cuckoo.EventBus.Tests.Sample;

namespace Cuckoo.EventBus.Tests.Consuming.Group;

/// <summary>A group's members come, go and take long, under every protocol, with static membership and without.</summary>
public sealed class RebalanceTests(KafkaFixture kafka, PostgresFixture databases)
{
    [Theory]
    [MemberData(nameof(Protocol.All), MemberType = typeof(Protocol))]
    public async Task A_partition_moves_after_its_running_handler_and_behind_its_record(string protocol, bool isStatic)
    {
        await using var members = await OpenAsync();
        var release = new TaskCompletionSource();
        var (first, seen) = await members.StartAsync(Of(protocol, isStatic, 1), async h =>
        {
            await release.Task;
            h.AddEffect();
        });
        await Eventually.Equal("0 1 2", () => Members.PartitionsOf(first));
        await members.SendToEachAsync(1);
        await Eventually.Equal(3, () => seen.Seen.Count);

        var (second, seenBySecond) = await members.StartAsync(Of(protocol, isStatic, 2));
        await Eventually.True(() => Members.PartitionsOf(first).Length < "0 1 2".Length);
        Assert.Equal("", await members.NumbersAsync());
        release.SetResult();

        await members.EventuallyNumbersAsync(1, 3);
        await Eventually.True(() => Members.PartitionsOf(second).Length > 0 && (Members.PartitionsOf(first) + Members.PartitionsOf(second)).Count(char.IsDigit) == 3);
        await members.SendToEachAsync(4);
        await members.EventuallyNumbersAsync(1, 6);
        Assert.Equal([1, 2, 3, 4, 5, 6], seen.Seen.Concat(seenBySecond.Seen).Select(h => h.Number).Order());
        Assert.Contains(seenBySecond.Seen, h => h.Number > 3);
    }

    [Theory]
    [MemberData(nameof(Protocol.All), MemberType = typeof(Protocol))]
    public async Task A_handler_that_takes_longer_than_the_limit_is_cancelled_and_its_record_goes_to_the_next_owner(string protocol, bool isStatic)
    {
        await using var members = await OpenAsync();
        var limit = ("EventBus:StopTimeout", "00:00:00.300");
        var (first, seen) = await members.StartAsync(Of(protocol, isStatic, 1, limit), async h =>
        {
            h.AddEffect();
            await Task.Delay(Timeout.Infinite, h.Ct);
        }, o => o.AttemptTimeout = TimeSpan.FromMinutes(10));
        await Eventually.Equal("0 1 2", () => Members.PartitionsOf(first));
        await members.SendToEachAsync(1);
        await Eventually.Equal(3, () => seen.Seen.Count);

        var (second, seenBySecond) = await members.StartAsync(Of(protocol, isStatic, 2, limit));

        // What moves is done by its new owner, the rest when the first one is gone, which may well cut the second one's handlers short too.
        await Eventually.True(() => !seenBySecond.Seen.IsEmpty, TimeSpan.FromSeconds(120));
        await first.StopAsync();
        await members.EventuallyNumbersAsync(1, 3);
        Assert.All(seenBySecond.Seen, h => Assert.Equal(1, h.Context.Attempt));
        Assert.Equal([1, 2, 3], seenBySecond.Seen.Select(h => h.Number).Distinct().Order());
        Assert.Equal(ConsumerState.Running, Members.StatusOf(second).State);
    }

    [Theory]
    [MemberData(nameof(Protocol.All), MemberType = typeof(Protocol))]
    public async Task A_handler_that_takes_longer_than_the_poll_interval_keeps_its_membership_and_its_record(string protocol, bool isStatic)
    {
        await using var members = await OpenAsync();
        var running = new TaskCompletionSource();
        var release = new TaskCompletionSource();
        var interval = TimeSpan.FromSeconds(6);
        var (service, script) = await members.StartAsync(
            Of(protocol, isStatic, 1, ("EventBus:Kafka:Consumer:max.poll.interval.ms", $"{interval.TotalMilliseconds}")),
            async h =>
            {
                running.TrySetResult();
                await release.Task;
                h.AddEffect();
            });
        await Eventually.Equal("0 1 2", () => Members.PartitionsOf(service));
        await members.SendAsync(1, 0);
        await Eventually.Ends(running.Task);
        var clock = Stopwatch.StartNew();

        await Eventually.True(() => clock.Elapsed > interval + TimeSpan.FromSeconds(2));
        Assert.Equal("0 1 2", Members.PartitionsOf(service));
        release.SetResult();
        await members.EventuallyNumbersAsync(1, 1);

        Assert.Single(script.Seen);
        Assert.DoesNotContain(service.Log.Entries, e => e.Id.Name is "Lost" or "Revoked" or "ConsumerError");
    }

    [Theory]
    [InlineData(Protocol.Eager)]
    [InlineData(Protocol.Cooperative)]
    public async Task A_static_member_that_comes_back_in_time_finds_its_partitions_and_moves_nobodys(string protocol)
    {
        await using var members = await OpenAsync();
        var (first, _) = await members.StartAsync(Of(protocol, true, 1));
        var (second, _) = await members.StartAsync(Of(protocol, true, 2));
        // Each has some: all three are the first one's own before the second has joined.
        await Eventually.True(() => Members.PartitionsOf(first).Length > 0 && Members.PartitionsOf(second).Length > 0
            && (Members.PartitionsOf(first) + Members.PartitionsOf(second)).Count(char.IsDigit) == 3);
        var had = (Members.PartitionsOf(first), Members.PartitionsOf(second));
        var assigned = first.Log.Entries.Count(e => e.Id.Name == "Assigned");

        await second.StopAsync();
        var (again, _) = await members.StartAsync(Of(protocol, true, 2));

        await Eventually.Equal(had, () => (Members.PartitionsOf(first), Members.PartitionsOf(again)));
        Assert.Equal(assigned, first.Log.Entries.Count(e => e.Id.Name == "Assigned"));
    }

    private static Dictionary<string, string?> Of(string protocol, bool isStatic, int member, params ReadOnlySpan<(string, string?)> more) =>
        Protocol.Configuration(protocol, isStatic ? $"mill-{member}" : null, more);

    private async Task<Members> OpenAsync()
    {
        var broker = await kafka.Broker;
        broker.RequireReal("All protocols of a group");
        return await Members.OpenAsync(broker, databases);
    }
}
