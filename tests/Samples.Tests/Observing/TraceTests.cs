using System.Net;
using System.Text.Json;
using Samples.Tests.Shop;

namespace Samples.Tests.Observing;

/// <summary>What Jaeger shows of an order: real services, each a process of its own, and a real Jaeger.</summary>
[Collection(typeof(ObservedShopCollection))]
public sealed class TraceTests(ObservedShop observed)
{
    /// <summary>All until Notifications hears of it; what that does differs.</summary>
    private const string UntilCompleted =
        """
        orders: POST /orders/
          orders: create order-events
            orders: send order-events
            payments: process order-events by charge-orders
              payments: create payment-events
                inventory: process payment-events by reserve-stock
                  inventory: create inventory-events
                    inventory: send inventory-events
                    orders: process inventory-events by follow-inventory
                      orders: create order-events

        """;

    private const string AfterCompleted =
        """
                        orders: send order-events
                orders: process payment-events by follow-payment
                payments: send payment-events

        """;

    private const string Told =
        """
                        notifications: process order-events by tell-customer
                          notifications: create notification-events
                            notifications: send notification-events

        """;

    [Fact]
    public async Task An_order_is_one_trace_from_the_request_through_all_four_services()
    {
        var (shop, jaeger) = await observed.WithJaegerAsync();

        var order = await shop.PlaceAsync("book");

        var trace = await TraceAsync(shop, jaeger, order, UntilCompleted + Told + AfterCompleted);
        var request = Assert.Single(trace.Named("orders: POST /orders/"));
        Assert.Null(request.Parent);
        Assert.Equal(("/orders/", "201"), (request["http.route"], request["http.response.status_code"]));
        var create = trace.Named("orders: create order-events")[0];
        var send = trace.Named("orders: send order-events")[0];
        var process = Assert.Single(trace.Named("payments: process order-events by charge-orders"));
        Assert.Equal(["producer", "client", "consumer"], new[] { create, send, process }.Select(span => span["span.kind"]));
        Assert.Equal("order.created", create["cuckoo.eventbus.event_type"]);
        Assert.All([create, send, process], span =>
        {
            Assert.Equal(("kafka", $"{shop.Prefix}order-events"), (span["messaging.system"], span["messaging.destination.name"]));
            Assert.Equal((create["messaging.message.id"], $"{order}"), (span["messaging.message.id"], span["messaging.kafka.message.key"]));
        });
        Assert.Equal(($"{shop.Prefix}payments", "charge-orders"), (process["messaging.consumer.group.name"], process["cuckoo.eventbus.consumer"]));
        Assert.NotNull(process["messaging.destination.partition.id"]);
        Assert.NotNull(process["messaging.kafka.offset"]);
        Assert.All(trace.Spans, span => Assert.DoesNotContain("error", span.Tags));

        // By the times one reads where an order was: outbox, Kafka and queue, handler.
        Assert.True(request.Start <= create.Start && create.End <= send.Start && send.Start <= process.Start);
    }

    [Fact]
    public async Task A_record_that_is_parked_has_a_span_for_each_try()
    {
        var (shop, jaeger) = await observed.WithJaegerAsync();

        var order = await shop.PlaceAsync("book", email: "busy@example.com");

        const string Parked = "                notifications: process order-events by tell-customer, parked\n";
        var trace = await TraceAsync(shop, jaeger, order, UntilCompleted + Told + Parked + AfterCompleted);
        var parked = Assert.Single(trace.Named("notifications: process order-events by tell-customer, parked"));
        var done = Assert.Single(trace.Named("notifications: process order-events by tell-customer"));
        // Half a second, less a quarter at most by jitter, from when it was parked: later than the span began, earlier than it ended.
        Assert.True(done.Start - parked.Start >= TimeSpan.FromMilliseconds(375), $"{done.Start - parked.Start}");
        var failed = Assert.Single(parked.Events);
        Assert.Equal(
            ("attempt failed", "1", "Shop.Notifications.MailGatewayBusyException", "451 try again later"),
            (failed["event"], failed["cuckoo.eventbus.attempt"], failed["exception.type"], failed["exception.message"]));
        Assert.Equal(("True", "Shop.Notifications.MailGatewayBusyException"), (parked["error"], parked["error.type"]));
        Assert.Null(done["error"]);
    }

    [Fact]
    public async Task A_dead_letter_and_its_replay_are_in_the_trace_of_the_order()
    {
        var (shop, jaeger) = await observed.WithJaegerAsync();
        var order = await shop.PlaceAsync("book", email: "nobody@refused.example");
        const string Dead = "                notifications: process order-events by tell-customer, dead_letter\n";
        const string Sent = "                notifications: send dead-letter-queue\n";
        await TraceAsync(shop, jaeger, order, UntilCompleted + Dead + Sent + AfterCompleted);
        var letter = await LetterAsync(shop, order, replays: 0);
        Assert.Equal(1, letter.GetProperty("attempts").GetInt32());

        using var replayed = await shop.Http("notifications").PostAsync(new Uri($"/dead-letters/{letter.GetProperty("id").GetInt64()}/replay", UriKind.Relative), null);

        Assert.Equal(HttpStatusCode.Accepted, replayed.StatusCode);
        await LetterAsync(shop, order, replays: 1);
        var trace = await TraceAsync(shop, jaeger, order, UntilCompleted + Dead + Dead + Sent + Sent + AfterCompleted);
        var processed = trace.Named("notifications: process order-events by tell-customer, dead_letter");
        Assert.Equal(["", "1"], processed.Select(span => span["cuckoo.eventbus.replay_count"] ?? ""));
        Assert.Empty(processed[0].Links);
        Assert.Equal(processed[0].Parent, Assert.Single(processed[1].Links));
        Assert.All(processed, span => Assert.Equal("Shop.Notifications.AddressRefusedException", span["error.type"]));
    }

    [Fact]
    public async Task An_unknown_dead_letter_can_not_be_replayed()
    {
        var shop = await observed.RunningAsync();

        using var response = await shop.Http("notifications").PostAsync(new Uri("/dead-letters/123456/replay", UriKind.Relative), null);

        Assert.Equal(HttpStatusCode.NotFound, response.StatusCode);
    }

    /// <summary>The order's trace as soon as it looks as it should.</summary>
    private static async Task<JaegerTrace> TraceAsync(ShopProcesses shop, JaegerServer jaeger, Guid order, string tree)
    {
        var id = (await shop.GetAsync("orders", $"/orders/{order}"))!.Value.GetProperty("traceId").GetString()!;
        return (await Eventually.Until(() => jaeger.TraceAsync(id, shop.Prefix), trace => trace?.ToString() == tree, SampleProgram.Limit, $"the trace is\n{tree}"))!;
    }

    private static async Task<JsonElement> LetterAsync(ShopProcesses shop, Guid order, int replays) => (await Eventually.Until(
        async () => (await shop.GetAsync("notifications", "/dead-letters"))!.Value.EnumerateArray()
            .Where(letter => letter.GetProperty("key").GetString() == $"{order}" && letter.GetProperty("replayCount").GetInt32() == replays)
            .Cast<JsonElement?>().SingleOrDefault(),
        letter => letter is not null))!.Value;
}
