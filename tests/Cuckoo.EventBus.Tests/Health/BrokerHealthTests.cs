using Cuckoo.EventBus.Tests.Consuming.Group;
using Cuckoo.EventBus.Tests.Kafka;
using Cuckoo.EventBus.Tests.Sample;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Diagnostics.HealthChecks;

namespace Cuckoo.EventBus.Tests.Health;

/// <summary>On a broker that may be taken away.</summary>
[Collection<OwnBrokerCollection>]
public sealed class BrokerHealthTests(OwnBroker own, PostgresFixture databases)
{
    [Fact]
    public async Task An_outage_of_the_broker_degrades_a_service_with_an_outbox_and_makes_one_without_unhealthy()
    {
        await own.Broker.StartAsync();
        await using var members = await Members.OpenAsync(own.Broker, databases);
        var (service, _) = await members.StartAsync(new() { ["EventBus:Health:ConsumerUnhealthyStall"] = "00:00:01" });
        var direct = members.Bus.Build("direct", services =>
        {
            services.AddCuckooEventBus(bus => bus.Publishes<OrderPlaced>());
            services.AddHealthChecks().AddCuckooEventBus();
        });
        await direct.StartAsync();
        await members.SendAsync(1, partition: 1);
        await members.EventuallyNumbersAsync(1, 1);

        await own.Broker.StopAsync();

        Assert.Equal(HealthStatus.Degraded, (await Members.HealthOf(service, "cuckoo-eventbus-broker")).Status);
        Assert.Equal(HealthStatus.Unhealthy, (await Members.HealthOf(direct, "cuckoo-eventbus-broker")).Status);
        Assert.NotEqual(HealthStatus.Unhealthy, (await Members.HealthOf(service)).Status);
        await own.Broker.StartAsync();
        await members.SendAsync(2, partition: 1);
        await members.EventuallyNumbersAsync(1, 2);
        await Eventually.True(async () => (await Members.HealthOf(service)).Status == HealthStatus.Healthy);
        Assert.Equal(HealthStatus.Healthy, (await Members.HealthOf(direct, "cuckoo-eventbus-broker")).Status);
    }
}
