using System.Diagnostics;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Diagnostics.HealthChecks;
using Microsoft.Extensions.Logging;

namespace Cuckoo.EventBus.Conformance;

/// <summary>What a person sees of it: traces, log, metrics, health.</summary>
public abstract class Observing(Pair pair)
{
    private readonly ActivityTraceId _trace = ActivityTraceId.CreateRandom();

    [Fact]
    public async Task One_trace_leads_from_the_request_through_a_handler_to_what_it_publishes()
    {
        await using var shop = await pair.OpenAsync(script: script => script[Warehouse.Ship] = h => h.Events.PublishAsync(new OrderShipped("a", 1)));

        var request = await RequestAsync(shop);

        var shipped = Assert.Single(await shop.Bus.ReadAsync(Topics.Shipping, 1));
        Assert.Equal(request.TraceId, Assert.Single(shop.Script.Seen).Context.Trace.TraceId);
        Assert.True(ActivityContext.TryParse(shipped.Headers["traceparent"], null, out var trace));
        Assert.Equal(request.TraceId, trace.TraceId);
    }

    [Fact]
    public async Task A_traces_state_and_baggage_travel_along()
    {
        await using var shop = await pair.OpenAsync();

        await RequestAsync(shop);

        var record = Assert.Single(await shop.Bus.ReadAsync(Topics.Orders, 1));
        Assert.Equal(("vendor=1", "tenant=north"), (record.Headers["tracestate"], record.Headers["baggage"]));
    }

    [Fact]
    public async Task An_event_published_outside_of_any_trace_has_no_trace_headers()
    {
        await using var shop = await pair.OpenAsync();
        Activity.Current = null;

        await shop.PublishAsync(new OrderPlaced("a", 1));

        Assert.False(Assert.Single(await shop.Bus.ReadAsync(Topics.Orders, 1)).Headers.Contains("traceparent"));
    }

    [Fact]
    public async Task A_consumers_span_is_a_child_of_what_was_published_and_names_topic_and_group()
    {
        using var spans = new TraceSpans(_trace);
        await using var shop = await pair.OpenAsync();

        await RequestAsync(shop);

        await shop.EventuallyNumbersAsync(1);
        var span = Assert.Single(await spans.OfAsync("process"));
        Assert.True(ActivityContext.TryParse(Assert.Single(await shop.Bus.ReadAsync(Topics.Orders)).Headers["traceparent"], null, out var sent));
        Assert.Equal(sent.SpanId, span.ParentSpanId);
        Assert.Equal(
            ("kafka", shop.Bus.Prefix + Topics.Orders, shop.Service.Name),
            (span.GetTagItem("messaging.system"), span.GetTagItem("messaging.destination.name"), span.GetTagItem("messaging.consumer.group.name")));
    }

    [Fact]
    public async Task The_span_of_a_record_that_is_given_up_is_an_error()
    {
        using var spans = new TraceSpans(_trace);
        await using var shop = await pair.OpenAsync(script: script => script[Warehouse.Ship] = _ => throw new InvalidOperationException());

        await RequestAsync(shop);

        Assert.Equal(ActivityStatusCode.Error, Assert.Single(await spans.OfAsync("process")).Status);
    }

    [Fact]
    public async Task What_a_handler_logs_carries_the_trace()
    {
        await using var shop = await pair.OpenAsync(script: script => script[Warehouse.Ship] = h =>
        {
            h.AddEffect();
            h.Scope.GetRequiredService<ILogger<Observing>>().LogInformation("shipping");
            return Task.CompletedTask;
        });

        var request = await RequestAsync(shop);

        await shop.EventuallyNumbersAsync(1);
        Assert.Contains(Assert.Single(shop.Service.Log.Entries, e => e.Message == "shipping").Scope, pair => $"{pair.Value}" == request.TraceId.ToHexString());
    }

    [Fact]
    public async Task Handled_records_repeats_retries_and_dead_letters_are_counted()
    {
        using var handled = new CountedMeasurements("cuckoo.eventbus.consumer.handled");
        using var repeats = new CountedMeasurements("cuckoo.eventbus.consumer.duplicates");
        using var retries = new CountedMeasurements("cuckoo.eventbus.consumer.retries");
        using var letters = new CountedMeasurements("cuckoo.eventbus.dead_letters");
        await using var shop = await pair.OpenAsync(script: script => script[Warehouse.Ship] = h => h.Number == 1 ? throw new InvalidOperationException() : Task.CompletedTask);
        var placed = new OrderPlaced("a", 2);

        await shop.SendAsync(new OrderPlaced("a", 1));
        await shop.SendAsync(placed);
        await shop.SendAsync(placed);
        await shop.SendAsync(new OrderPlaced("a", 3));

        await Eventually.Equal((2L, 1L, 2L, 1L), () => (handled.Of(shop.Service.Name), repeats.Of(shop.Service.Name), retries.Of(shop.Service.Name), letters.Of(shop.Service.Name)));
    }

    [Fact]
    public async Task A_dead_letter_is_one_error_in_the_log_and_the_attempts_before_it_are_information()
    {
        await using var shop = await pair.OpenAsync(script: script => script[Warehouse.Ship] = _ => throw new InvalidOperationException("no paper"));

        await shop.SendAsync(new OrderPlaced("a", 1));

        await shop.DeadLettersAsync(1);
        await Eventually.Equal(
            "Information Information Error",
            () => string.Join(' ', shop.Service.Log.Entries.Where(e => $"{e.Message} {e.Exception?.Message}".Contains("no paper", StringComparison.Ordinal)).Select(e => e.Level)));
    }

    [Fact]
    public async Task A_working_service_is_healthy()
    {
        await using var bus = await TestBus.CreateAsync(await pair.Broker, Topics.Orders);
        var database = await bus.AddDatabaseAsync<ShopContext>(pair.Databases);
        var service = await bus.StartAsync<ShopContext>("warehouse", database, b => b.AddConsumer<Scripted<OrderPlaced>>(Warehouse.Ship), services =>
        {
            services.AddSingleton(new Script());
            services.AddHealthChecks().AddCuckooEventBus();
        });

        await Eventually.Equal(HealthStatus.Healthy, async () => (await service.Services.GetRequiredService<HealthCheckService>().CheckHealthAsync()).Status);
    }

    /// <summary>Publishes an order inside a request's trace.</summary>
    private async Task<ActivityContext> RequestAsync(Warehouse shop)
    {
        using var activity = new Activity("request").SetParentId(_trace, ActivitySpanId.CreateRandom(), ActivityTraceFlags.Recorded).AddBaggage("tenant", "north");
        activity.TraceStateString = "vendor=1";
        activity.Start();
        await shop.PublishAsync(new OrderPlaced("a", 1));
        return activity.Context;
    }
}

public sealed class Observing_on_embedded_and_SQLite(EmbeddedAndSqlite pair) : Observing(pair);

public sealed class Observing_on_Kafka_and_PostgreSQL(KafkaAndPostgreSql pair) : Observing(pair);
