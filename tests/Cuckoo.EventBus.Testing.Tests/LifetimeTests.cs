using System.Diagnostics;
using System.Net.Sockets;
using System.Runtime.CompilerServices;
using Confluent.Kafka;
using Microsoft.Extensions.Logging;

namespace Cuckoo.EventBus.Testing.Tests;

public sealed class LifetimeTests
{
    [Fact]
    public async Task Disposing_twice_does_nothing_more_than_once()
    {
        var kafka = EmbeddedKafka.Start();

        kafka.Dispose();
        kafka.Dispose();
        await kafka.DisposeAsync();

        Assert.False(Accepts(kafka.BootstrapServers));
    }

    [Fact]
    public async Task Disposing_while_clients_are_connected_is_allowed()
    {
        var kafka = EmbeddedKafka.Start();
        kafka.CreateTopic("orders", partitions: 4);
        using var producer = kafka.Producer(messageTimeoutMs: 300);
        using var consumer = kafka.Consumer("orders");
        await producer.Send("orders", "created");
        consumer.Receive();

        await kafka.DisposeAsync();

        await Assert.ThrowsAsync<ProduceException<string, string>>(() => producer.Send("orders", "too late"));
    }

    [Fact]
    public void A_disposed_cluster_says_so()
    {
        var kafka = EmbeddedKafka.Start();
        kafka.Dispose();

        Assert.Throws<ObjectDisposedException>(() => kafka.CreateTopic("orders", 1));
        Assert.Throws<ObjectDisposedException>(() => kafka.SetBrokerDown());
        Assert.Throws<ObjectDisposedException>(() => kafka.SetBrokerUp());
        Assert.Throws<ObjectDisposedException>(() => kafka.SetRoundTripTime(TimeSpan.Zero));
        Assert.Throws<ObjectDisposedException>(() => kafka.FailRequests(KafkaRequest.Fetch, ErrorCode.Unknown));
        Assert.Throws<ObjectDisposedException>(() => kafka.ClearRequestErrors(KafkaRequest.Fetch));
        Assert.Throws<ObjectDisposedException>(() => kafka.SetTopicError("orders", ErrorCode.Unknown));
        Assert.Throws<ObjectDisposedException>(() => kafka.SetPartitionLeader("orders", 0, null));
        Assert.Throws<ObjectDisposedException>(() => kafka.SetGroupCoordinator("group", 1));
    }

    [Fact]
    public void A_cluster_that_nobody_holds_any_more_stops()
    {
        var address = StartAndForget();

        Clients.Until(
            () =>
            {
                GC.Collect();
                GC.WaitForPendingFinalizers();
                return !Accepts(address);
            },
            "the port is closed");
    }

    [Fact]
    public void Commands_in_close_succession_are_not_overlooked()
    {
        using var kafka = EmbeddedKafka.Start();
        var clock = Stopwatch.StartNew();

        for (var i = 0; i < 50; i++)
        {
            kafka.CreateTopic($"orders-{i}", partitions: 1);
        }

        // Without a nudge every fifth takes a second: see Nudge.
        Assert.True(clock.Elapsed < TimeSpan.FromSeconds(3), $"It took {clock.Elapsed}.");
    }

    [Fact]
    public async Task The_brokers_log_to_the_logger_of_the_options()
    {
        var logger = new Lines();
        await using var kafka = EmbeddedKafka.Start(new EmbeddedKafkaOptions { Logger = logger });

        kafka.CreateTopic("orders", partitions: 3);

        Clients.Until(() => logger.Has("Created topic \"orders\" with 3 partition(s)"), "the topic's creation is logged");
    }

    [Fact]
    public async Task A_logger_that_throws_does_no_harm()
    {
        await using var kafka = EmbeddedKafka.Start(new EmbeddedKafkaOptions { Logger = new Lines(Throws: true) });
        using var producer = kafka.Producer();

        await producer.Send("orders", "created");
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private static string StartAndForget() => EmbeddedKafka.Start(new EmbeddedKafkaOptions { Logger = new Lines() }).BootstrapServers;

    private static bool Accepts(string address)
    {
        try
        {
            using var client = new TcpClient("127.0.0.1", int.Parse(address.Split(':')[1]));
            return true;
        }
        catch (SocketException)
        {
            return false;
        }
    }

    private sealed record Lines(bool Throws = false) : ILogger
    {
        private readonly List<string> _lines = [];

        public bool Has(string text)
        {
            lock (_lines)
            {
                return _lines.Exists(line => line.Contains(text, StringComparison.Ordinal));
            }
        }

        public IDisposable? BeginScope<TState>(TState state)
            where TState : notnull => null;

        public bool IsEnabled(LogLevel logLevel) => true;

        public void Log<TState>(LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter)
        {
            if (Throws)
            {
                throw new InvalidOperationException("This logger always throws.");
            }

            lock (_lines)
            {
                _lines.Add(formatter(state, exception));
            }
        }
    }
}
