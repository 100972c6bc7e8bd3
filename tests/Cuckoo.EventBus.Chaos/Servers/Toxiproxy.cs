using System.Net.Http.Json;

namespace Cuckoo.EventBus.Chaos.Servers;

/// <summary>Toxiproxy from the folder that <c>TOXIPROXY_HOME</c> names: proxies on loopback whose connections can be disturbed.</summary>
internal sealed class Toxiproxy : IAsyncDisposable
{
    private static readonly TimeSpan StartLimit = TimeSpan.FromSeconds(20);

    /// <summary>The program itself, or packed.</summary>
    private static readonly string[] Programs = ["toxiproxy-server", "toxiproxy-server.xz"];

    private readonly ServerProcess _process;
    private readonly HttpClient _api;

    private Toxiproxy(ServerProcess process, int port)
    {
        _process = process;
        _api = new HttpClient { BaseAddress = new Uri($"http://127.0.0.1:{port}/") };
    }

    /// <summary>Why connections can't be cut here; <see langword="null"/> if they can.</summary>
    public static string? Missing => Home is null ? "TOXIPROXY_HOME is not set" : Program(Home) is null ? $"{Home} has no toxiproxy-server" : null;

    private static string? Home => Environment.GetEnvironmentVariable("TOXIPROXY_HOME") is { Length: > 0 } home ? home : null;

    public static async Task<Toxiproxy> StartAsync(string folder)
    {
        var program = Program(Home!)!;
        if (program.EndsWith(".xz", StringComparison.Ordinal))
        {
            var unpacked = Path.Combine(folder, "toxiproxy-server");
            await ServerProcess.RunAsync(["sh", "-c", "xz -dc \"$1\" >\"$2\" && chmod +x \"$2\"", "sh", program, unpacked]);
            program = unpacked;
        }

        var port = ServerProcess.FreePort();
        var proxy = new Toxiproxy(await ServerProcess.StartAsync([program, "-host", "127.0.0.1", "-port", $"{port}"], Path.Combine(folder, "toxiproxy.log")), port);
        using var limit = new CancellationTokenSource(StartLimit);
        while (true)
        {
            try
            {
                using var answer = await proxy._api.GetAsync(new Uri("version", UriKind.Relative), limit.Token);
                return proxy;
            }
            catch (HttpRequestException) when (!proxy._process.HasExited)
            {
                await Task.Delay(TimeSpan.FromMilliseconds(50), limit.Token);
            }
        }
    }

    /// <summary>Adds a proxy and returns its port.</summary>
    public async Task<int> AddAsync(string name, int port)
    {
        var listen = ServerProcess.FreePort();
        await PostAsync("proxies", new { name, listen = $"127.0.0.1:{listen}", upstream = $"127.0.0.1:{port}", enabled = true });
        return listen;
    }

    /// <summary>Closes all connections and refuses new ones.</summary>
    public Task CloseAsync(string name) => PostAsync($"proxies/{name}", new { enabled = false });

    public Task OpenAsync(string name) => PostAsync($"proxies/{name}", new { enabled = true });

    /// <summary>Nothing arrives any more, and nobody is told: what is sent meanwhile arrives when the silence ends.</summary>
    /// <param name="name">The proxy.</param>
    /// <param name="answers">Whether what is swallowed is what the server says, or what the client says.</param>
    public Task SilenceAsync(string name, bool answers) =>
        PostAsync($"proxies/{name}/toxics", new { name = "silence", type = "timeout", stream = answers ? "downstream" : "upstream", attributes = new { timeout = 0 } });

    /// <summary>Connections are reset as soon as something is said on them.</summary>
    public Task ResetAsync(string name) => PostAsync($"proxies/{name}/toxics", new { name = "reset", type = "reset_peer", attributes = new { timeout = 0 } });

    /// <summary>Takes away whatever disturbs any connection.</summary>
    public Task HealAsync() => PostAsync("reset", new { });

    public async ValueTask DisposeAsync()
    {
        _api.Dispose();
        await _process.DisposeAsync();
    }

    private static string? Program(string home) => Programs.Select(name => Path.Combine(home, name)).FirstOrDefault(File.Exists);

    private async Task PostAsync(string path, object body)
    {
        using var answer = await _api.PostAsJsonAsync(new Uri(path, UriKind.Relative), body);
        if (!answer.IsSuccessStatusCode)
        {
            throw new ChaosException($"Toxiproxy refused {path}: {await answer.Content.ReadAsStringAsync()}");
        }
    }
}
