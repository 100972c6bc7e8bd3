using System.Globalization;
using System.Net;
using System.Net.Http.Json;
using System.Text.Json;

namespace Samples.Tests.Shop;

/// <summary>The shop's four services, each a process of its own, told by configuration where Kafka and its database are.</summary>
internal sealed class ShopProcesses : IAsyncDisposable
{
    public static readonly IReadOnlyList<string> Names = ["orders", "payments", "inventory", "notifications"];

    private readonly KafkaBroker _broker;
    private readonly Func<string, string> _connectionString;
    private readonly Func<string, IReadOnlyDictionary<string, string>> _settings;
    private readonly Dictionary<string, (SampleProgram Program, HttpClient Http)> _running = [];

    private ShopProcesses(KafkaBroker broker, Func<string, string> connectionString, Func<string, IReadOnlyDictionary<string, string>> settings)
    {
        _broker = broker;
        _connectionString = connectionString;
        _settings = settings;
    }

    /// <summary>Before the names of topics and services: a broker may serve other tests too.</summary>
    public string Prefix { get; } = $"t{Guid.NewGuid():N}-";

    /// <summary>Starts the four, until an order has gone through all of them: their groups have formed.</summary>
    /// <param name="broker">The Kafka that they use.</param>
    /// <param name="connectionString">To the database of a service.</param>
    /// <param name="settings">What else a service is told.</param>
    public static async Task<ShopProcesses> StartAsync(
        KafkaBroker broker, Func<string, string> connectionString, Func<string, IReadOnlyDictionary<string, string>>? settings = null)
    {
        var shop = new ShopProcesses(broker, connectionString, settings ?? (_ => new Dictionary<string, string>()));
        try
        {
            await shop.StartAsync(Names);
            await shop.HasOnFileAsync(OrderFile.Completed("8.00"), await shop.PlaceAsync("mug"), SampleProgram.Limit);
            return shop;
        }
        catch
        {
            await shop.DisposeAsync();
            throw;
        }
    }

    public Task StartAsync(string service) => StartAsync([service]);

    /// <summary>Stops a service as whoever runs it would.</summary>
    /// <returns>Its exit code and what it has written.</returns>
    public async Task<(int ExitCode, string Output)> TerminateAsync(string service)
    {
        if (!_running.Remove(service, out var running))
        {
            throw new ArgumentException($"{service} does not run.", nameof(service));
        }

        running.Http.Dispose();
        await using (running.Program)
        {
            return (await running.Program.StopAsync(PosixSignalNumber.Terminate), running.Program.Output);
        }
    }

    public HttpClient Http(string service) => _running[service].Http;

    public string Output(string service) => _running[service].Program.Output;

    /// <summary>Places an order.</summary>
    /// <returns>Its id.</returns>
    public async Task<Guid> PlaceAsync(string sku, int quantity = 1, string email = "ada@example.com", string? traceParent = null)
    {
        using var request = new HttpRequestMessage(HttpMethod.Post, "/orders") { Content = JsonContent.Create(new { email, sku, quantity }) };
        if (traceParent is not null)
        {
            request.Headers.Add("traceparent", traceParent);
        }

        using var response = await Http("orders").SendAsync(request);
        Assert.Equal(HttpStatusCode.Created, response.StatusCode);
        var order = await response.Content.ReadFromJsonAsync<JsonElement>();
        Assert.Equal("Placed", order.GetProperty("status").GetString());
        return order.GetProperty("id").GetGuid();
    }

    /// <returns>Whether it was not too late.</returns>
    public async Task<bool> CancelAsync(Guid orderId)
    {
        using var response = await Http("orders").PostAsync(new Uri($"/orders/{orderId}/cancel", UriKind.Relative), null);
        Assert.Contains(response.StatusCode, new[] { HttpStatusCode.OK, HttpStatusCode.Conflict });
        return response.IsSuccessStatusCode;
    }

    /// <summary>What a service answers; <see langword="null"/> for 404.</summary>
    public async Task<JsonElement?> GetAsync(string service, string path)
    {
        using var response = await Http(service).GetAsync(new Uri(path, UriKind.Relative));
        if (response.StatusCode == HttpStatusCode.NotFound)
        {
            return null;
        }

        response.EnsureSuccessStatusCode();
        return await response.Content.ReadFromJsonAsync<JsonElement>();
    }

    /// <summary>What all four services have on record for an order.</summary>
    public async Task<OrderFile> FileOfAsync(Guid orderId)
    {
        var order = await GetAsync("orders", $"/orders/{orderId}");
        var payment = await GetAsync("payments", $"/payments/{orderId}");
        var reservation = await GetAsync("inventory", $"/reservations/{orderId}");
        var notifications = await GetAsync("notifications", $"/notifications/{orderId}");
        return new OrderFile(
            order!.Value.GetProperty("status").GetString()!,
            order.Value.GetProperty("reason").GetString(),
            payment?.GetProperty("payment").GetProperty("state").GetString(),
            string.Join(' ', payment?.GetProperty("ledger").EnumerateArray().Select(entry => entry.GetProperty("amount").GetDecimal().ToString("0.00", CultureInfo.InvariantCulture)) ?? []),
            reservation?.GetProperty("state").GetString(),
            string.Join(' ', notifications!.Value.EnumerateArray().Select(n => n.GetProperty("eventType").GetString()).Order()));
    }

    /// <summary>Waits until that is on record for an order. Where it takes too long, what the services have written is said.</summary>
    public Task HasOnFileAsync(OrderFile expected, Guid orderId, TimeSpan? limit = null) =>
        Eventually.Equal(expected, () => FileOfAsync(orderId), limit, story: () => string.Join("\n\n", Names.Select(service => $"{service} wrote:\n{Output(service)}")));

    /// <summary>How many of a product are left.</summary>
    public async Task<int> StockAsync(string sku) => (await GetAsync("inventory", "/products"))!.Value
        .EnumerateArray().Single(product => product.GetProperty("sku").GetString() == sku).GetProperty("stock").GetInt32();

    public async ValueTask DisposeAsync()
    {
        foreach (var (program, http) in _running.Values)
        {
            http.Dispose();
            await program.DisposeAsync();
        }

        _running.Clear();
    }

    private async Task StartAsync(IReadOnlyList<string> services)
    {
        foreach (var service in services)
        {
            // By arguments, not by the environment: between here and there is a shell, which passes no names with dots or hyphens on.
            var settings = new Dictionary<string, string>(_settings(service))
            {
                ["ConnectionStrings:kafka"] = _broker.BootstrapServers,
                [$"ConnectionStrings:{service}"] = _connectionString(service),
                ["EventBus:TopicPrefix"] = Prefix,
                ["EventBus:ServiceName"] = Prefix + service,
            };
            foreach (var (name, value) in _broker.ConsumerSettings)
            {
                settings[$"EventBus:Kafka:Consumer:{name}"] = value;
            }

            var sample = $"Shop.{char.ToUpperInvariant(service[0])}{service[1..]}";
            _running.Add(service, (await SampleProgram.StartAsync(sample, ["--urls=http://127.0.0.1:0", .. settings.Select(setting => $"--{setting.Key}={setting.Value}")]), new HttpClient()));
        }

        foreach (var service in services)
        {
            var (program, http) = _running[service];
            http.BaseAddress = await program.ListensAsync();
        }
    }
}
