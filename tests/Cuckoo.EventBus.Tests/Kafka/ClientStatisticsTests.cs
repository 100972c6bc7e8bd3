using System.Diagnostics.Metrics;
using Cuckoo.EventBus.Tests.Sample;
using Microsoft.Extensions.DependencyInjection;

namespace Cuckoo.EventBus.Tests.Kafka;

/// <summary>Where the user has librdkafka collect statistics, they are gauges.</summary>
public sealed class ClientStatisticsTests(KafkaFixture kafka)
{
    [Fact]
    public async Task What_the_clients_say_of_their_brokers_is_shown()
    {
        await using var bus = await TestBus.CreateAsync(kafka, Topics.Orders);
        var service = bus.Build(
            "shop",
            services => services.AddCuckooEventBus(b => b.AddConsumer<Ignore>()),
            new Dictionary<string, string?> { ["EventBus:Kafka:statistics.interval.ms"] = "100" });
        await service.StartAsync();
        await service.Services.GetRequiredService<IDirectEventPublisher>().PublishAsync(new OrderPlaced("a", 1), TestContext.Current.CancellationToken);
        var seen = new HashSet<string>(StringComparer.Ordinal);
        using var listener = new MeterListener
        {
            InstrumentPublished = (instrument, listener) =>
            {
                if (instrument.Name.StartsWith("cuckoo.eventbus.client.", StringComparison.Ordinal))
                {
                    listener.EnableMeasurementEvents(instrument);
                }
            },
        };
        listener.SetMeasurementEventCallback<double>((instrument, value, tags, _) => See(instrument, value, tags));
        listener.SetMeasurementEventCallback<long>((instrument, value, tags, _) => See(instrument, value, tags));
        listener.Start();

        string[] expected =
        [
            "cuckoo.eventbus.client.queue consumer", "cuckoo.eventbus.client.queue producer",
            "cuckoo.eventbus.client.rtt consumer 1", "cuckoo.eventbus.client.rtt producer 1",
            "cuckoo.eventbus.client.throttle consumer 1", "cuckoo.eventbus.client.throttle producer 1",
        ];
        await Eventually.Equal("", () =>
        {
            listener.RecordObservableInstruments();
            return string.Join(", ", expected.Except(seen));
        });

        void See(Instrument instrument, double value, ReadOnlySpan<KeyValuePair<string, object?>> tags)
        {
            Assert.InRange(value, 0, 60);
            seen.Add(string.Join(' ', [instrument.Name, .. tags.ToArray().Select(tag => $"{tag.Value}")]));
        }
    }

    private sealed class Ignore : IEventConsumer<OrderPlaced>
    {
        public Task ConsumeAsync(OrderPlaced @event, EventContext context, CancellationToken ct) => Task.CompletedTask;
    }
}
