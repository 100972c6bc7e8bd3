using System.Diagnostics;
using Cuckoo.EventBus.Tests.Sample;
using Microsoft.Extensions.DependencyInjection;

namespace Cuckoo.EventBus.Tests.Telemetry;

/// <summary>The spans of an event's way, by the page in <c>src/Cuckoo.EventBus/Telemetry</c>: their names, kinds, parents and attributes.</summary>
public sealed class SpanTests(KafkaFixture kafka, SqliteFixture databases)
{
    private readonly ActivityTraceId _trace = ActivityTraceId.CreateRandom();
    private ActivitySpanId _request = ActivitySpanId.CreateRandom();

    [Fact]
    public async Task An_event_goes_from_the_request_by_the_outbox_and_Kafka_to_its_consumer_in_one_trace()
    {
        using var spans = new TraceSpans(_trace);
        await using var warehouse = await Warehouse.OpenAsync(kafka, databases);

        await RequestAsync(() => PublishAsync(warehouse.Service));

        var topic = warehouse.Bus.Prefix + Topics.Orders;
        var create = Assert.Single(await spans.OfAsync("create"));
        var send = Assert.Single(await spans.OfAsync("send"));
        var process = Assert.Single(await spans.OfAsync("process"));
        Assert.Equal([$"create {topic}", $"send {topic}", $"process {topic}"], [create.DisplayName, send.DisplayName, process.DisplayName]);
        Assert.Equal([ActivityKind.Producer, ActivityKind.Client, ActivityKind.Consumer], [create.Kind, send.Kind, process.Kind]);
        Assert.Equal([_request, create.SpanId, create.SpanId], [create.ParentSpanId, send.ParentSpanId, process.ParentSpanId]);
        Assert.True(create.StartTimeUtc + create.Duration <= send.StartTimeUtc && send.StartTimeUtc < process.StartTimeUtc);
        var record = Assert.Single(await warehouse.Bus.ReadAsync(Topics.Orders));
        Assert.Equal($"00-{_trace}-{create.SpanId}-01", record.Headers["traceparent"]);
        foreach (var span in new[] { create, send, process })
        {
            Assert.Equal("kafka", span.GetTagItem("messaging.system"));
            Assert.Equal(span.DisplayName.Split(' ')[0], span.GetTagItem("messaging.operation.type"));
            Assert.Equal(topic, span.GetTagItem("messaging.destination.name"));
            Assert.Equal(record.Headers["ce_id"], span.GetTagItem("messaging.message.id"));
            Assert.Equal("a", span.GetTagItem("messaging.kafka.message.key"));
            Assert.Equal(record.Value!.Length, span.GetTagItem("messaging.message.body.size"));
            Assert.Equal(ActivityStatusCode.Unset, span.Status);
            Assert.Null(span.GetTagItem("error.type"));
        }

        Assert.Equal($"{Assert.Single(warehouse.Script.Seen).Context.Partition}", process.GetTagItem("messaging.destination.partition.id"));
        Assert.Equal(warehouse.Service.Name, process.GetTagItem("messaging.consumer.group.name"));
        Assert.Equal(Warehouse.Ship, process.GetTagItem("cuckoo.eventbus.consumer"));
        Assert.Null(process.GetTagItem("cuckoo.eventbus.outcome"));
    }

    [Fact]
    public async Task An_event_that_is_sent_at_once_has_one_span_until_its_acknowledgement()
    {
        using var spans = new TraceSpans(_trace);
        await using var warehouse = await Warehouse.OpenAsync(kafka, databases);
        Activity? afterwards = null;

        await RequestAsync(async () =>
        {
            var sending = warehouse.Service.Services.GetRequiredService<IDirectEventPublisher>().PublishAsync(new OrderPlaced("a", 1));
            afterwards = Activity.Current;
            await sending;
        });

        var send = Assert.Single(await spans.OfAsync("send"));
        var process = Assert.Single(await spans.OfAsync("process"));
        Assert.Equal((ActivityKind.Producer, _request, send.SpanId), (send.Kind, send.ParentSpanId, process.ParentSpanId));
        Assert.Equal(_request, afterwards?.SpanId);
        Assert.DoesNotContain(spans.Ended, span => span.DisplayName.StartsWith("create", StringComparison.Ordinal));
    }

    [Fact]
    public async Task What_is_not_sampled_stays_so_and_has_no_spans()
    {
        using var spans = new TraceSpans();
        await using var warehouse = await Warehouse.OpenAsync(kafka, databases);

        await RequestAsync(() => PublishAsync(warehouse.Service), ActivityTraceFlags.None);
        await warehouse.EventuallyNumbersAsync(1);

        Assert.Equal($"00-{_trace}-{_request}-00", Assert.Single(await warehouse.Bus.ReadAsync(Topics.Orders)).Headers["traceparent"]);
        Assert.Equal(new ActivityContext(_trace, _request, ActivityTraceFlags.None, isRemote: true), Assert.Single(warehouse.Script.Seen).Context.Trace);
        Assert.Empty(spans.Ended);
    }

    [Fact]
    public async Task Failed_attempts_are_events_and_a_parked_record_has_another_span_for_its_later_try()
    {
        using var spans = new TraceSpans(_trace);
        var attempts = 0;
        await using var warehouse = await Warehouse.OpenAsync(
            kafka,
            databases,
            b => b.AddConsumer<Scripted<OrderPlaced>>(Warehouse.Ship, o => (o.Attempts, o.RetryDelay, o.ParkedAttempts, o.ParkedRetryDelay) = (2, TimeSpan.FromMilliseconds(5), 2, TimeSpan.FromMilliseconds(100))),
            script: script => script[Warehouse.Ship] = h => Interlocked.Increment(ref attempts) < 4 ? throw new InvalidOperationException("no paper") : Apply(h));

        await RequestAsync(() => PublishAsync(warehouse.Service));

        var processed = await spans.OfAsync("process", 3);
        Assert.Equal(["1 2", "3", ""], processed.Select(span => string.Join(' ', span.Events.Select(e => e.Tags.Single(tag => tag.Key == "cuckoo.eventbus.attempt").Value))));
        Assert.All(processed.SelectMany(span => span.Events), e =>
        {
            Assert.Equal("attempt failed", e.Name);
            Assert.Contains(new("exception.type", "System.InvalidOperationException"), e.Tags);
            Assert.Contains(new("exception.message", "no paper"), e.Tags);
        });
        Assert.Equal(["parked", "parked", null], processed.Select(span => span.GetTagItem("cuckoo.eventbus.outcome")));
        Assert.Equal([ActivityStatusCode.Error, ActivityStatusCode.Error, ActivityStatusCode.Unset], processed.Select(span => span.Status));
        Assert.Equal(["System.InvalidOperationException", "System.InvalidOperationException", null], processed.Select(span => span.GetTagItem("error.type")));
        Assert.Single(processed.Select(span => span.ParentSpanId).Distinct());
        // Less a quarter at most by jitter, from when it was parked, which was in the span.
        Assert.True(processed[1].StartTimeUtc - processed[0].StartTimeUtc >= TimeSpan.FromMilliseconds(75));
    }

    [Fact]
    public async Task A_dead_letter_and_a_repeat_are_told_from_the_usual_end()
    {
        using var spans = new TraceSpans(_trace);
        await using var warehouse = await Warehouse.OpenAsync(
            kafka,
            databases,
            b => b.AddConsumer<Scripted<OrderPlaced>>(Warehouse.Ship, o => (o.Attempts, o.ParkedAttempts) = (1, 0)),
            script: script => script[Warehouse.Ship] = h => h.Number == 2 ? throw new InvalidOperationException("no paper") : Apply(h));
        var first = new OrderPlaced("a", 1);

        foreach (var placed in new[] { first, first, new OrderPlaced("a", 2) })
        {
            await warehouse.SendAsync(placed, partition: 0, headers: new EventHeaders { { "traceparent", $"00-{_trace}-{_request}-01" } });
        }

        var processed = await spans.OfAsync("process", 3);
        Assert.Equal([null, "duplicate", "dead_letter"], processed.OrderBy(span => span.GetTagItem("messaging.kafka.offset")).Select(span => span.GetTagItem("cuckoo.eventbus.outcome")));
    }

    [Fact]
    public async Task A_refusal_by_the_broker_is_an_error_of_the_sending_and_one_by_the_bus_of_the_publishing()
    {
        using var spans = new TraceSpans(_trace);
        await using var warehouse = await Warehouse.OpenAsync(kafka, databases);
        var publisher = warehouse.Service.Services.GetRequiredService<IDirectEventPublisher>();

        // Two events, of which one can't be published: none is sent, and both spans end.
        await RequestAsync(() => Assert.ThrowsAsync<EventBusException>(() => publisher.PublishBatchAsync([new OrderPlaced("a", 1), new OrderPlaced(new string('x', 2_000_000), 2)])));

        var sent = await spans.OfAsync("send", 2);
        Assert.Equal([(ActivityStatusCode.Error, "Cuckoo.EventBus.EventBusException"), (ActivityStatusCode.Unset, null)], sent.Select(span => (span.Status, (string?)span.GetTagItem("error.type"))));
        Assert.Empty(await warehouse.Bus.ReadAsync(Topics.Orders, 0));
    }

    private static Task Apply(Handling handling)
    {
        handling.AddEffect();
        return Task.CompletedTask;
    }

    private static Task PublishAsync(TestService service) => service.InScopeAsync(async scope =>
    {
        await scope.GetRequiredService<IEventPublisher>().PublishAsync(new OrderPlaced("a", 1));
        await scope.GetRequiredService<ShopContext>().SaveChangesAsync();
    });

    /// <summary>Runs something inside a request of the trace.</summary>
    private async Task RequestAsync(Func<Task> run, ActivityTraceFlags flags = ActivityTraceFlags.Recorded)
    {
        using var request = new Activity("request").SetParentId(_trace, ActivitySpanId.CreateRandom(), flags).Start();
        _request = request.SpanId;
        await run();
    }
}
