using System.Collections.Concurrent;
using System.Net;
using System.Net.Http.Json;
using System.Text;
using System.Text.RegularExpressions;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging;
using Npgsql;

namespace Samples.Tests.Shop;

/// <summary>What the platform that a service runs on sees of it. None of it needs a broker.</summary>
public sealed class ServiceDefaultsTests(PostgresFixture postgres)
{
    [Fact]
    public async Task A_service_whose_database_does_not_answer_lives_but_gets_no_requests()
    {
        var folder = Directory.CreateTempSubdirectory("shop-").FullName;
        try
        {
            var database = Path.Combine(folder, "inventory.db");
            await using var service = await StartAsync("inventory", $"Data Source={database}");
            using var http = new HttpClient { BaseAddress = await service.ListensAsync() };
            Assert.Equal((HttpStatusCode.OK, "Healthy"), await AskAsync(http, "/health/live"));
            Assert.Equal((HttpStatusCode.OK, "Healthy"), await AskAsync(http, "/health/ready"));

            File.Delete(database);

            Assert.Equal((HttpStatusCode.ServiceUnavailable, "Unhealthy"), await AskAsync(http, "/health/ready"));
            Assert.Equal((HttpStatusCode.OK, "Healthy"), await AskAsync(http, "/health/live"));
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    [Fact]
    public async Task Instances_that_start_together_on_a_new_server_agree_on_who_creates_the_database()
    {
        var server = await postgres.ServerAsync();
        var name = $"shop_{Guid.NewGuid().ToString("N")[..8]}";
        var instances = new List<SampleProgram>();
        try
        {
            for (var i = 0; i < 3; i++)
            {
                instances.Add(await StartAsync("inventory", new NpgsqlConnectionStringBuilder(server.ConnectionString) { Database = name }.ConnectionString));
            }

            foreach (var instance in instances)
            {
                using var http = new HttpClient { BaseAddress = await instance.ListensAsync() };
                Assert.Equal((HttpStatusCode.OK, "Healthy"), await AskAsync(http, "/health/ready"));
                Assert.Contains("piano", await http.GetStringAsync(new Uri("/products", UriKind.Relative)), StringComparison.Ordinal);
            }
        }
        finally
        {
            foreach (var instance in instances)
            {
                await instance.DisposeAsync();
            }

            await server.ExecuteAsync($"DROP DATABASE IF EXISTS {name} WITH (FORCE)");
        }
    }

    [Fact]
    public async Task A_service_waits_for_a_database_server_that_is_away()
    {
        // Nobody listens on port 1.
        await using var service = await StartAsync("inventory", "Host=127.0.0.1;Port=1;Database=shop;Username=postgres");

        await service.SaysAsync(new Regex("The database is not ready, asking again: .*\n(.*\n)+.*The database is not ready"));

        Assert.DoesNotContain("Now listening", service.Output, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Requests_are_traced_to_where_the_environment_says_and_probes_and_scrapes_are_not()
    {
        var folder = Directory.CreateTempSubdirectory("shop-").FullName;
        try
        {
            await using var collector = await Collector.StartAsync();
            await using var service = await StartAsync("orders", $"Data Source={Path.Combine(folder, "orders.db")}", new()
            {
                ["OTEL_EXPORTER_OTLP_ENDPOINT"] = collector.Address,
                ["OTEL_EXPORTER_OTLP_PROTOCOL"] = "http/protobuf",
                ["OTEL_RESOURCE_ATTRIBUTES"] = "service.instance.id=orders-7",
            });
            using (var http = new HttpClient { BaseAddress = await service.ListensAsync() })
            {
                Assert.Equal((HttpStatusCode.OK, "Healthy"), await AskAsync(http, "/health/ready"));
                Assert.Equal(HttpStatusCode.OK, (await AskAsync(http, "/metrics")).Status);
                using var placed = await http.PostAsJsonAsync("/orders", new { email = "ada@example.com", sku = "book", quantity = 1 });
                Assert.Equal(HttpStatusCode.Created, placed.StatusCode);
                Assert.Equal(HttpStatusCode.NotFound, (await AskAsync(http, $"/orders/{Guid.NewGuid()}")).Status);
            }

            // What was not sent yet is sent when it stops.
            Assert.Equal(0, await service.StopAsync(PosixSignalNumber.Terminate));
            var sent = collector.Received;

            Assert.Contains("POST /orders/", sent, StringComparison.Ordinal);
            Assert.Contains("GET /orders/{id:guid}", sent, StringComparison.Ordinal);
            Assert.Contains("http.response.status_code", sent, StringComparison.Ordinal);
            Assert.Contains("orders-7", sent, StringComparison.Ordinal);
            Assert.DoesNotContain("/health", sent, StringComparison.Ordinal);
            Assert.DoesNotContain("/metrics", sent, StringComparison.Ordinal);
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    /// <summary>With both of the bus's roles off, so that it touches no broker.</summary>
    private static Task<SampleProgram> StartAsync(string service, string connectionString, Dictionary<string, string>? environment = null)
    {
        environment ??= [];
        environment[$"ConnectionStrings__{service}"] = connectionString;
        environment["EventBus__Relay__Enabled"] = "false";
        environment["EventBus__Consumers__Enabled"] = "false";
        return SampleProgram.StartAsync($"Shop.{char.ToUpperInvariant(service[0])}{service[1..]}", ["--urls", "http://127.0.0.1:0"], environment);
    }

    private static async Task<(HttpStatusCode Status, string Body)> AskAsync(HttpClient http, string path)
    {
        using var response = await http.GetAsync(new Uri(path, UriKind.Relative));
        return (response.StatusCode, await response.Content.ReadAsStringAsync());
    }

    /// <summary>Takes OTLP by HTTP. Names and values are plain text in it.</summary>
    private sealed class Collector(WebApplication app, ConcurrentQueue<string> bodies) : IAsyncDisposable
    {
        public string Address => app.Urls.First();

        public string Received => string.Concat(bodies);

        public static async Task<Collector> StartAsync()
        {
            var builder = WebApplication.CreateSlimBuilder();
            builder.Logging.ClearProviders();
            builder.WebHost.UseUrls("http://127.0.0.1:0");
            var app = builder.Build();
            var bodies = new ConcurrentQueue<string>();
            app.MapPost("/v1/traces", async (HttpRequest request) =>
            {
                using var reader = new StreamReader(request.Body, Encoding.Latin1);
                bodies.Enqueue(await reader.ReadToEndAsync());
            });
            await app.StartAsync();
            return new Collector(app, bodies);
        }

        public ValueTask DisposeAsync() => app.DisposeAsync();
    }
}
