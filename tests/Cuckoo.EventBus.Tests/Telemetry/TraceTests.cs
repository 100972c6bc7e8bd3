using System.Diagnostics;
using Cuckoo.EventBus.Tests.Sample;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;

namespace Cuckoo.EventBus.Tests.Telemetry;

/// <summary>One trace from the request to the last consumer.</summary>
public sealed class TraceTests(KafkaFixture kafka, SqliteFixture databases)
{
    [Fact]
    public async Task The_trace_of_the_publish_is_the_consumers_and_goes_on_to_what_it_publishes()
    {
        await using var warehouse = await Warehouse.OpenAsync(kafka, databases, script: script => script[Warehouse.Ship] = async h =>
        {
            h.AddEffect();
            h.Scope.GetRequiredService<ILogger<TraceTests>>().LogInformation("shipping");
            await h.Events.PublishAsync(new OrderShipped("a", 1));
        });
        ActivityContext request;
        using (var activity = new Activity("request").SetIdFormat(ActivityIdFormat.W3C).AddBaggage("tenant", "north & south").Start())
        {
            activity.TraceStateString = "vendor=1";
            request = activity.Context;
            await PublishAsync(warehouse.Service);
        }

        await warehouse.EventuallyNumbersAsync(1);
        var record = Assert.Single(await warehouse.Bus.ReadAsync(Topics.Orders));
        Assert.True(ActivityContext.TryParse(record.Headers["traceparent"], record.Headers["tracestate"], out var sent));
        Assert.Equal((request.TraceId, "vendor=1"), (sent.TraceId, sent.TraceState));
        Assert.Equal("tenant=north%20%26%20south", record.Headers["baggage"]);
        Assert.Equal(request.TraceId, Assert.Single(warehouse.Script.Seen).Context.Trace.TraceId);
        Assert.True(ActivityContext.TryParse(Assert.Single(await warehouse.Bus.ReadAsync(Topics.Shipping, 1)).Headers["traceparent"], null, out var shipped));
        Assert.Equal(request.TraceId, shipped.TraceId);
        var line = Assert.Single(warehouse.Service.Log.Entries, e => e.Message == "shipping");
        Assert.Contains(line.Scope, pair => $"{pair.Value}" == request.TraceId.ToHexString());
    }

    [Fact]
    public async Task The_span_of_a_batch_is_linked_to_what_was_published_and_a_record_alone_is_in_its_publishers_trace()
    {
        var parents = Enumerable.Range(1, 3).Select(_ => new ActivityContext(ActivityTraceId.CreateRandom(), ActivitySpanId.CreateRandom(), ActivityTraceFlags.Recorded)).ToList();
        using var spans = new TraceSpans([.. parents.Select(parent => parent.TraceId)]);
        var inHandler = new List<(int Number, ActivityTraceId? Trace)>();
        await using var warehouse = await Warehouse.OpenAsync(
            kafka,
            databases,
            b => b.AddConsumer<ScriptedBatch<OrderPlaced>>(Warehouse.Ship, o => (o.BatchSize, o.BatchWait, o.Attempts) = (3, TimeSpan.FromHours(1), 1)),
            script: script => script[Warehouse.Ship] = h =>
            {
                inHandler.Add((h.Number, Activity.Current?.TraceId));
                h.AddEffect();
                return h.Number == 3 ? throw new InvalidOperationException("no paper") : Task.CompletedTask;
            });

        foreach (var (number, parent) in parents.Select((parent, i) => (i + 1, parent)))
        {
            await warehouse.SendAsync(new OrderPlaced("a", number), partition: 0, headers: new EventHeaders { { "traceparent", $"00-{parent.TraceId}-{parent.SpanId}-01" } });
        }

        await warehouse.EventuallyNumbersAsync(1, 2);
        var letter = Assert.Single(await warehouse.DeadLettersAsync(1));
        Assert.Equal($"{parents[2].TraceId}", letter.TraceId);
        var batch = (await Eventually.Until(() => Task.FromResult(spans.Ended.SingleOrDefault(s => s.Links.Any(link => link.Context.TraceId == parents[0].TraceId))), span => span is not null))!;
        Assert.Equal(parents.Select(p => (p.TraceId, p.SpanId)), batch.Links.Select(link => (link.Context.TraceId, link.Context.SpanId)));
        Assert.Null(batch.ParentId);
        Assert.Equal((ActivityStatusCode.Error, 3), (batch.Status, batch.GetTagItem("messaging.batch.message_count")));
        Assert.Equal([(1, batch.TraceId), (2, batch.TraceId), (3, batch.TraceId), (1, parents[0].TraceId), (2, batch.TraceId), (3, batch.TraceId), (2, parents[1].TraceId), (3, parents[2].TraceId)], inHandler);
    }

    [Fact]
    public async Task An_event_published_outside_of_any_trace_has_no_trace_headers()
    {
        Activity.Current = null;
        await using var warehouse = await Warehouse.OpenAsync(kafka, databases);

        await PublishAsync(warehouse.Service);

        await warehouse.EventuallyNumbersAsync(1);
        Assert.False(Assert.Single(await warehouse.Bus.ReadAsync(Topics.Orders)).Headers.Contains("traceparent"));
        Assert.Equal(default, Assert.Single(warehouse.Script.Seen).Context.Trace);
    }

    private static Task PublishAsync(TestService service) => service.InScopeAsync(async scope =>
    {
        await scope.GetRequiredService<IEventPublisher>().PublishAsync(new OrderPlaced("a", 1));
        await scope.GetRequiredService<ShopContext>().SaveChangesAsync();
    });
}
