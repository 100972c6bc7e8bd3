using System.Net;
using System.Net.Http.Json;
using System.Security.Cryptography;
using System.Text;
using Shop.Orders;

namespace Shop.Demo;

/// <summary>
/// Places the orders over HTTP, several at a time. What the customer of order 17 does, and the order's id, depend on nothing
/// but the run and the 17: a resumed run repeats every request, and those that were answered before change nothing.
/// </summary>
internal sealed class Customers(Uri orders, Run run) : IDisposable
{
    private const int AtATime = 8;

    private readonly HttpClient _http = new() { BaseAddress = orders };
    private int _placed;

    public int Placed => Volatile.Read(ref _placed);

    public Task PlaceAllAsync(CancellationToken ct) => Parallel.ForEachAsync(
        Enumerable.Range(0, run.Orders),
        new ParallelOptions { MaxDegreeOfParallelism = AtATime, CancellationToken = ct },
        async (index, token) => await PlaceAsync(index, token));

    public void Dispose() => _http.Dispose();

    private async Task PlaceAsync(int index, CancellationToken ct)
    {
        var id = OrderId(index);
        var (sku, quantity) = Wish(index);
        using var placed = await _http.PostAsJsonAsync("/orders", new PlaceOrder(Email(index), sku, quantity, id), ct);
        placed.EnsureSuccessStatusCode();
        Interlocked.Increment(ref _placed);

        switch (index % 10)
        {
            case 3 or 9: // changes their mind at once: before, while or after the payment is made
                await ChangeAsync(HttpMethod.Post, $"/orders/{id}/cancel", null, ct);
                break;
            case 4: // changes their mind when the order is paid: before, while or after the goods are set aside
                await UntilPaidAsync(id, ct);
                await ChangeAsync(HttpMethod.Post, $"/orders/{id}/cancel", null, ct);
                break;
            case 8:
                await ChangeAsync(HttpMethod.Patch, $"/orders/{id}", new ChangeOrder($"new-address-{index}@example.com"), ct);
                break;
        }
    }

    private static (string Sku, int Quantity) Wish(int index) => (index % 10) switch
    {
        5 => ("piano", 1),
        6 or 7 or 9 => ("record", 1),
        var n => (n % 2 == 0 ? "book" : "mug", 1 + (n % 3)),
    };

    private static string Email(int index) => index switch
    {
        1 => "busy@example.com", // the gateway fails once
        2 => "nobody@refused.example", // the gateway refuses for good
        _ => $"customer-{index}@example.com",
    };

    private Guid OrderId(int index) => new(SHA256.HashData(Encoding.UTF8.GetBytes($"{run.Id}:{index}")).AsSpan(0, 16));

    private async Task ChangeAsync(HttpMethod method, string path, object? body, CancellationToken ct)
    {
        using var request = new HttpRequestMessage(method, path) { Content = body is null ? null : JsonContent.Create(body) };
        using var response = await _http.SendAsync(request, ct);

        // Conflict: too late, the order is final. That is an answer too.
        if (response.StatusCode != HttpStatusCode.Conflict)
        {
            response.EnsureSuccessStatusCode();
        }
    }

    private async Task UntilPaidAsync(Guid id, CancellationToken ct)
    {
        using var pause = new PeriodicTimer(TimeSpan.FromMilliseconds(5));
        while (await _http.GetFromJsonAsync<OrderView>($"/orders/{id}", ct) is { Status: OrderStatus.Placed })
        {
            await pause.WaitForNextTickAsync(ct);
        }
    }

    private sealed record OrderView(OrderStatus Status);
}
