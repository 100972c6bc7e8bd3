using System.Net;
using System.Net.Http.Json;
using Npgsql;

namespace Samples.Tests.Shop;

public sealed class ShopTests(ShopServices services) : IClassFixture<ShopServices>
{
    [Fact]
    public async Task An_order_is_charged_deducted_completed_and_its_customer_told()
    {
        var shop = await services.RunningAsync();

        var order = await shop.PlaceAsync("book", quantity: 2);

        await shop.HasOnFileAsync(OrderFile.Completed("25.00"), order);
    }

    [Fact]
    public async Task The_trace_of_the_request_is_in_the_database_of_every_service()
    {
        var shop = await services.RunningAsync();
        const string Trace = "4bf92f3577b34da6a3ce929d0e0e4736";

        var order = await shop.PlaceAsync("mug", traceParent: $"00-{Trace}-00f067aa0ba902b7-01");

        await Eventually.Equal(Trace, () => TraceAsync("orders", """SELECT "TraceId" FROM "Orders" WHERE "Id" = @order""", order));
        await Eventually.Equal(Trace, () => TraceAsync("payments", """SELECT "TraceId" FROM "Payments" WHERE "OrderId" = @order""", order));
        await Eventually.Equal(Trace, () => TraceAsync("inventory", """SELECT "TraceId" FROM "Reservations" WHERE "OrderId" = @order""", order));
        await Eventually.Equal(Trace, () => TraceAsync("notifications", """SELECT "TraceId" FROM "Notifications" WHERE "OrderId" = @order""", order));
    }

    [Fact]
    public async Task An_order_whose_payment_is_declined_is_cancelled()
    {
        var shop = await services.RunningAsync();

        var order = await shop.PlaceAsync("piano");

        await shop.HasOnFileAsync(new OrderFile("Cancelled", "payment declined", "Declined", "", "Void", "order.cancelled"), order);
    }

    [Fact]
    public async Task An_order_of_more_than_there_is_is_refunded_and_cancelled()
    {
        var shop = await services.RunningAsync();
        var stock = await shop.StockAsync("record");

        var order = await shop.PlaceAsync("record", quantity: stock + 1);

        var amount = $"{25 * (stock + 1)}.00";
        await shop.HasOnFileAsync(new OrderFile("Cancelled", "out of stock", "Refunded", $"{amount} -{amount}", "OutOfStock", "order.cancelled"), order);
        Assert.Equal(stock, await shop.StockAsync("record"));
    }

    [Fact]
    public async Task A_customer_who_gives_another_address_is_told_there()
    {
        var shop = await services.RunningAsync();

        // An order may be completed before its customer changes it, which is refused then: they order again.
        var order = await Eventually.Until(
            async () =>
            {
                var placed = await shop.PlaceAsync("book");
                using var response = await shop.Http("orders").PatchAsJsonAsync($"/orders/{placed}", new { email = "grace@example.com" });
                Assert.Contains(response.StatusCode, new[] { HttpStatusCode.OK, HttpStatusCode.Conflict });
                return response.IsSuccessStatusCode ? placed : (Guid?)null;
            },
            placed => placed is not null);

        await Eventually.Equal(
            "order.completed to grace@example.com, order.updated to grace@example.com",
            async () => string.Join(", ", (await shop.GetAsync("notifications", $"/notifications/{order}"))!.Value.EnumerateArray()
                .Select(n => $"{n.GetProperty("eventType").GetString()} to {n.GetProperty("email").GetString()}").Order()));
    }

    [Fact]
    public async Task An_order_cancelled_on_its_way_ends_consistent_whatever_the_moment()
    {
        var shop = await services.RunningAsync();
        var stock = await shop.StockAsync("mug");

        var orders = await Task.WhenAll(Enumerable.Range(0, 16).Select(async number =>
        {
            var order = await shop.PlaceAsync("mug");
            // A quarter each: at once, when charged, when deducted, never.
            await Eventually.True(async () => number % 4 is 0 or 3 || (number % 4, await shop.FileOfAsync(order)) is (1, { Payment: not null }) or (2, { Goods: not null }));
            return (Id: order, Cancelled: number % 4 != 3 && await shop.CancelAsync(order));
        }));

        foreach (var (order, cancelled) in orders)
        {
            await Eventually.Until(() => shop.FileOfAsync(order), file => cancelled ? file.IsOfCancelled("8.00") : file == OrderFile.Completed("8.00"));
        }

        Assert.Contains(orders, order => order.Cancelled);
        Assert.Contains(orders, order => !order.Cancelled);
        Assert.Equal(stock - orders.Count(order => !order.Cancelled), await shop.StockAsync("mug"));
    }

    [Fact]
    public async Task An_order_waits_for_a_service_that_is_away()
    {
        var shop = await services.RunningAsync();
        Assert.Equal(0, (await shop.TerminateAsync("payments")).ExitCode);

        var order = await shop.PlaceAsync("book");
        Assert.Equal("Placed", (await shop.GetAsync("orders", $"/orders/{order}"))!.Value.GetProperty("status").GetString());
        await shop.StartAsync("payments");

        // Its group has to form first.
        await shop.HasOnFileAsync(OrderFile.Completed("12.50"), order, SampleProgram.Limit);
    }

    [Fact]
    public async Task What_cannot_be_ordered_or_found_is_refused()
    {
        var shop = await services.RunningAsync();
        var orders = shop.Http("orders");

        using var unknownProduct = await orders.PostAsJsonAsync("/orders", new { email = "ada@example.com", sku = "yacht", quantity = 1 });
        using var tooMany = await orders.PostAsJsonAsync("/orders", new { email = "ada@example.com", sku = "book", quantity = 101 });
        using var cancelUnknown = await orders.PostAsync(new Uri($"/orders/{Guid.NewGuid()}/cancel", UriKind.Relative), null);

        Assert.Equal(HttpStatusCode.BadRequest, unknownProduct.StatusCode);
        Assert.Contains("Order 1 to 100 of: book, mug, record, piano", await unknownProduct.Content.ReadAsStringAsync(), StringComparison.Ordinal);
        Assert.Equal(HttpStatusCode.BadRequest, tooMany.StatusCode);
        Assert.Equal(HttpStatusCode.NotFound, cancelUnknown.StatusCode);
        Assert.Null(await shop.GetAsync("orders", $"/orders/{Guid.NewGuid()}"));
    }

    [Fact]
    public async Task The_requests_of_the_README_have_the_answers_that_it_says()
    {
        var shop = await services.RunningAsync();
        var requests = ReadmeRequest.ReadFrom("samples/README.md");
        Assert.Equal(["POST", "GET", "GET", "GET", "GET", "GET", "POST", "POST", "GET"], requests.Select(request => request.Method));

        await AnswersAsync(requests[0], HttpStatusCode.Created, "Placed");
        await AnswersAsync(requests[1], HttpStatusCode.OK, "Completed");
        await AnswersAsync(requests[2], HttpStatusCode.OK, "Charged", "ledger");
        await AnswersAsync(requests[3], HttpStatusCode.OK, "Deducted");
        await AnswersAsync(requests[4], HttpStatusCode.OK, "ada@example.com", "traceId");
        await AnswersAsync(requests[5], HttpStatusCode.OK, "book", "piano");
        await AnswersAsync(requests[6], HttpStatusCode.Conflict, "is Completed already");
        await AnswersAsync(requests[7], HttpStatusCode.Created, "Placed");
        await AnswersAsync(requests[8], HttpStatusCode.OK, "tell-customer", "550 no such mailbox");

        // … and its psql command.
        var sql = ReadmeRequest.SqlIn("samples/README.md");
        await Eventually.Until(() => RowsAsync("notifications", sql), rows => rows is [["tell-customer", "order.cancelled", "1", "550 no such mailbox: nobody@refused.example"]]);

        async Task AnswersAsync(ReadmeRequest request, HttpStatusCode status, params string[] texts) => await Eventually.Until(
            () => request.SendAsync(shop),
            answer => answer.Status == status && Array.TrueForAll(texts, text => answer.Body.Contains(text, StringComparison.Ordinal)),
            what: $"{request} is answered with {status} and {string.Join(", ", texts)}");
    }

    private async Task<string?> TraceAsync(string service, string sql, Guid order) =>
        await RowsAsync(service, sql, new NpgsqlParameter("order", order)) is [[var trace]] ? trace : null;

    private async Task<List<string[]>> RowsAsync(string service, string sql, params NpgsqlParameter[] parameters)
    {
        await using var connection = new NpgsqlConnection(services.ConnectionString(service));
        await connection.OpenAsync();
        await using var command = new NpgsqlCommand(sql, connection);
        command.Parameters.AddRange(parameters);
        await using var reader = await command.ExecuteReaderAsync();
        var rows = new List<string[]>();
        while (await reader.ReadAsync())
        {
            rows.Add([.. Enumerable.Range(0, reader.FieldCount).Select(column => $"{reader.GetValue(column)}")]);
        }

        return rows;
    }
}
