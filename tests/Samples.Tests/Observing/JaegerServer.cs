using System.Net;
using System.Net.Http.Json;
using System.Text.Json;

namespace Samples.Tests.Observing;

/// <summary>A real Jaeger that keeps its spans in memory, from the folder that <c>JAEGER_HOME</c> names, on free ports of loopback.</summary>
internal sealed class JaegerServer : IAsyncDisposable
{
    /// <summary>What listens, and can't be told not to. Of these only the first two are of use here.</summary>
    private static readonly string[] Listeners =
    [
        "query.http-server.host-port",
        "collector.otlp.grpc.host-port",
        "collector.otlp.http.host-port",
        "query.grpc-server.host-port",
        "admin.http.host-port",
        "collector.grpc-server.host-port",
        "collector.http-server.host-port",
        "http-server.host-port",
        "processor.jaeger-binary.server-host-port",
        "processor.jaeger-compact.server-host-port",
        "processor.zipkin-compact.server-host-port",
    ];

    private readonly HttpClient _http;
    private readonly ServerProcess _process;
    private readonly string _folder;

    private JaegerServer(ServerProcess process, string folder, int queryPort, int otlpPort)
    {
        _process = process;
        _folder = folder;
        _http = new HttpClient { BaseAddress = new Uri($"http://127.0.0.1:{queryPort}") };
        OtlpEndpoint = $"http://127.0.0.1:{otlpPort}";
    }

    /// <summary>Where spans are sent, by gRPC.</summary>
    public string OtlpEndpoint { get; }

    /// <summary>Whether this machine has one.</summary>
    public static bool IsAvailable => Environment.GetEnvironmentVariable("JAEGER_HOME") is { Length: > 0 };

    /// <summary>Starts one, and waits until it answers.</summary>
    public static async Task<JaegerServer> StartAsync()
    {
        if (!IsAvailable)
        {
            Requirement.Missing("No Jaeger: set JAEGER_HOME to a folder with jaeger.xz, its packed program");
        }

        var folder = Directory.CreateTempSubdirectory("jaeger-").FullName;
        var program = Path.Combine(folder, "jaeger");
        await ServerProcess.RunAsync(
            ["sh", "-c", """if [ -e "$1.xz" ]; then xz -dc "$1.xz" >"$2"; else cp "$1" "$2"; fi && chmod +x "$2" """, "sh", Path.Combine(Environment.GetEnvironmentVariable("JAEGER_HOME")!, "jaeger"), program]);
        var ports = Listeners.Select(_ => ServerProcess.FreePort()).ToList();
        var process = await ServerProcess.StartAsync(
            [program, "--collector.otlp.enabled=true", "--log-level=error", .. Listeners.Zip(ports, (listener, port) => $"--{listener}=127.0.0.1:{port}")],
            Path.Combine(folder, "jaeger.log"),
            new Dictionary<string, string> { ["SPAN_STORAGE_TYPE"] = "memory" });
        var server = new JaegerServer(process, folder, ports[0], ports[1]);
        await Eventually.True(server.AnswersAsync, SampleProgram.Limit, "Jaeger answers");
        return server;
    }

    /// <summary>A trace as far as it has got here; <see langword="null"/> where nothing of it has.</summary>
    public async Task<JaegerTrace?> TraceAsync(string id, string prefix)
    {
        using var response = await _http.GetAsync(new Uri($"/api/traces/{id}", UriKind.Relative));
        return response.StatusCode == HttpStatusCode.NotFound
            ? null
            : JaegerTrace.Of((await response.EnsureSuccessStatusCode().Content.ReadFromJsonAsync<JsonElement>()).GetProperty("data")[0], prefix);
    }

    public async ValueTask DisposeAsync()
    {
        _http.Dispose();
        await _process.DisposeAsync();
        Directory.Delete(_folder, recursive: true);
    }

    private async Task<bool> AnswersAsync()
    {
        try
        {
            using var response = await _http.GetAsync(new Uri("/api/services", UriKind.Relative));
            return response.IsSuccessStatusCode;
        }
        catch (HttpRequestException) when (!_process.HasExited)
        {
            return false;
        }
        catch (HttpRequestException e)
        {
            throw new InvalidOperationException($"Jaeger did not start:\n{_process.LogTail()}", e);
        }
    }
}
