using Confluent.Kafka;
using Confluent.Kafka.Admin;
using Cuckoo.EventBus.Tests.Sample;
using Microsoft.Extensions.Diagnostics.HealthChecks;
using Microsoft.Extensions.Logging;

namespace Cuckoo.EventBus.Tests.Consuming.Group;

/// <summary>What a group does when its client becomes useless, or when the broker refuses it.</summary>
public sealed class ClientErrorTests(KafkaFixture kafka, PostgresFixture databases)
{
    [Theory]
    [InlineData(Protocol.Eager)]
    [InlineData(Protocol.Cooperative)]
    public async Task A_member_whose_instance_id_another_one_takes_stops_says_so_and_never_comes_back(string protocol)
    {
        await using var members = await OpenAsync();
        var (first, _) = await members.StartAsync(Protocol.Configuration(protocol, "mill-1"));
        await Eventually.Equal("0 1 2", () => Members.PartitionsOf(first));

        var (second, _) = await members.StartAsync(Protocol.Configuration(protocol, "mill-1"));

        await Eventually.Equal(ConsumerState.Stopped, () => Members.StatusOf(first).State);
        var health = await Members.HealthOf(first);
        Assert.Equal(HealthStatus.Unhealthy, health.Status);
        Assert.Contains("the same group.instance.id", health.Description, StringComparison.Ordinal);
        Assert.Contains("FencedInstanceId", Members.StatusOf(first).Reason, StringComparison.Ordinal);
        await Eventually.Equal(1, () => first.Log.Entries.Count(e => e.Level == LogLevel.Critical && e.Id.Name is "Fenced"));
        await members.SendToEachAsync(1);
        await members.EventuallyNumbersAsync(1, 3);
        // It is measured once a second, and an effect may be seen before.
        await Eventually.Equal("0 1 2", () => Members.PartitionsOf(second));
        Assert.DoesNotContain(first.Log.Entries, e => e.Id.Name is "ConsumerReplaced");
        Assert.Equal(HealthStatus.Healthy, (await Members.HealthOf(second)).Status);
    }

    [Fact]
    public async Task A_member_waits_for_its_instance_id_until_the_session_of_the_one_before_has_ended()
    {
        await using var members = await OpenAsync();
        using (var crashed = new ConsumerBuilder<byte[], byte[]>(new ConsumerConfig
        {
            BootstrapServers = members.Bus.Broker.BootstrapServers,
            GroupId = members.Bus.Prefix + "mill",
            GroupInstanceId = "mill-1",
            GroupProtocol = GroupProtocol.Consumer,
            AutoOffsetReset = AutoOffsetReset.Earliest,
        }).Build())
        {
            crashed.Subscribe(members.Bus.Prefix + Topics.Orders);
            await Eventually.True(() =>
            {
                crashed.Consume(TimeSpan.FromMilliseconds(50));
                return crashed.Assignment.Count == 3;
            });
            // It ends without leaving the group, as a killed process does.
        }

        var (service, _) = await members.StartAsync(Protocol.Configuration(Protocol.Kip848, "mill-1"));
        await members.SendToEachAsync(1);

        await Eventually.True(() => service.Log.Entries.Any(e => e.Id.Name == "Unreleased"));
        Assert.Equal(HealthStatus.Degraded, (await Members.HealthOf(service)).Status);
        await members.EventuallyNumbersAsync(1, 3);
        Assert.Equal(HealthStatus.Healthy, (await Members.HealthOf(service)).Status);
        Assert.DoesNotContain(service.Log.Entries, e => e.Level >= LogLevel.Error && e.Id.Name is not "Client");
    }

    [Theory]
    [InlineData(Protocol.Eager, ResourceType.Topic, StartFrom.Earliest)]
    [InlineData(Protocol.Eager, ResourceType.Group, StartFrom.Earliest)]
    [InlineData(Protocol.Cooperative, ResourceType.Topic, StartFrom.Earliest)]
    [InlineData(Protocol.Cooperative, ResourceType.Group, StartFrom.Earliest)]
    [InlineData(Protocol.Kip848, ResourceType.Topic, StartFrom.Earliest)]
    [InlineData(Protocol.Kip848, ResourceType.Group, StartFrom.Earliest)]
    // Nor may it commit where it starts, and then it starts at the beginning.
    [InlineData(Protocol.Cooperative, ResourceType.Topic, StartFrom.Latest)]
    [InlineData(Protocol.Kip848, ResourceType.Topic, StartFrom.Latest)]
    public async Task A_group_that_may_not_read_is_unhealthy_until_it_may(string protocol, ResourceType resource, StartFrom startFrom)
    {
        await using var members = await OpenAsync();
        var admin = members.Bus.Broker.Admin;
        var name = members.Bus.Prefix + (resource == ResourceType.Topic ? Topics.Orders : "mill");
        AclBinding[] rights = [Right(AclOperation.All, AclPermissionType.Allow), Right(AclOperation.Read, AclPermissionType.Deny)];
        await members.SendToEachAsync(1);
        await admin.CreateAclsAsync(rights);
        TestService service;
        HealthReportEntry refused;
        try
        {
            // The controller has them; the broker that refuses gets them a moment later.
            foreach (var right in rights)
            {
                await Eventually.Equal(1, async () => (await admin.DescribeAclsAsync(right.ToFilter())).AclBindings.Count);
            }

            (service, _) = await members.StartAsync(Protocol.Configuration(protocol, null), options: o => o.StartFrom = startFrom);
            refused = await Eventually.Until(() => Members.HealthOf(service), health => health.Status == HealthStatus.Unhealthy, TimeSpan.FromSeconds(60));
            Assert.Equal("", await members.NumbersAsync());
        }
        finally
        {
            await admin.DeleteAclsAsync(rights.Select(right => right.ToFilter()));
        }

        Assert.Contains("is refused", refused.Description, StringComparison.Ordinal);
        Assert.Contains(resource == ResourceType.Topic ? "TopicAuthorizationFailed" : "GroupAuthorizationFailed", refused.Description, StringComparison.Ordinal);
        await members.EventuallyNumbersAsync(1, 3);
        await Eventually.True(async () => (await Members.HealthOf(service)).Status == HealthStatus.Healthy, TimeSpan.FromSeconds(60));

        AclBinding Right(AclOperation operation, AclPermissionType permission) => new()
        {
            Pattern = new ResourcePattern { Type = resource, Name = name, ResourcePatternType = ResourcePatternType.Literal },
            Entry = new AccessControlEntry { Principal = "User:ANONYMOUS", Host = "*", Operation = operation, PermissionType = permission },
        };
    }

    private async Task<Members> OpenAsync()
    {
        var broker = await kafka.Broker;
        broker.RequireReal("Static members and access rights");
        return await Members.OpenAsync(broker, databases);
    }
}
