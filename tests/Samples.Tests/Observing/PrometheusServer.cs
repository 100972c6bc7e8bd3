using System.Globalization;
using System.Text.Json;

namespace Samples.Tests.Observing;

/// <summary>A real Prometheus that asks the services for their metrics every second, with the repository's alert rules.</summary>
internal sealed class PrometheusServer : IAsyncDisposable
{
    private readonly HttpClient _http;
    private readonly ServerProcess _process;
    private readonly string _folder;

    private PrometheusServer(ServerProcess process, string folder, Uri address)
    {
        _process = process;
        _folder = folder;
        _http = new HttpClient { BaseAddress = address };
    }

    /// <summary>Starts one, and waits until it is ready.</summary>
    /// <param name="services">The addresses of services by their names, which become the label <c>job</c>.</param>
    public static async Task<PrometheusServer> StartAsync(IReadOnlyDictionary<string, Uri> services)
    {
        var program = Tool.Find("prometheus");
        var folder = Directory.CreateTempSubdirectory("prometheus-").FullName;
        await File.WriteAllTextAsync(Path.Combine(folder, "rules.yml"), await AlertRules.ReadAsync());
        var jobs = services.Select(service => $$"""- {job_name: {{service.Key}}, static_configs: [{targets: ["{{service.Value.Authority}}"]}]}""");
        await File.WriteAllTextAsync(
            Path.Combine(folder, "prometheus.yml"),
            $$"""
            global: {scrape_interval: 1s, scrape_timeout: 1s, evaluation_interval: 1s}
            rule_files: [rules.yml]
            scrape_configs:
            {{string.Join('\n', jobs)}}
            """);
        var address = new Uri($"http://127.0.0.1:{ServerProcess.FreePort()}");
        var process = await ServerProcess.StartAsync(
            [program, $"--config.file={folder}/prometheus.yml", $"--storage.tsdb.path={folder}/data", $"--web.listen-address={address.Authority}", "--log.level=warn"],
            Path.Combine(folder, "prometheus.log"));
        var server = new PrometheusServer(process, folder, address);
        await Eventually.True(server.IsReadyAsync, SampleProgram.Limit, "Prometheus is ready");
        return server;
    }

    /// <summary>What an expression finds now: the labels of each series, and its value.</summary>
    public async Task<IReadOnlyList<(IReadOnlyDictionary<string, string> Labels, double Value)>> QueryAsync(string expression)
    {
        var answer = await GetAsync($"/api/v1/query?query={Uri.EscapeDataString(expression)}");
        return
        [
            .. answer.GetProperty("result").EnumerateArray().Select(series =>
                (Labels(series.GetProperty("metric")), double.Parse(series.GetProperty("value")[1].GetString()!, CultureInfo.InvariantCulture))),
        ];
    }

    /// <summary>The labels of an alert wherever it fires.</summary>
    public async Task<IReadOnlyList<IReadOnlyDictionary<string, string>>> FiringAsync(string alert)
    {
        var answer = await GetAsync("/api/v1/alerts");
        return
        [
            .. answer.GetProperty("alerts").EnumerateArray().Where(each => each.GetProperty("state").GetString() == "firing")
                .Select(each => Labels(each.GetProperty("labels"))).Where(labels => labels["alertname"] == alert),
        ];
    }

    public async ValueTask DisposeAsync()
    {
        _http.Dispose();
        await _process.DisposeAsync();
        Directory.Delete(_folder, recursive: true);
    }

    private async Task<JsonElement> GetAsync(string path)
    {
        using var response = await _http.GetAsync(new Uri(path, UriKind.Relative));
        var body = await response.Content.ReadAsStringAsync();
        Assert.True(response.IsSuccessStatusCode, $"{path}: {body}");
        return JsonSerializer.Deserialize<JsonElement>(body).GetProperty("data");
    }

    private async Task<bool> IsReadyAsync()
    {
        try
        {
            using var response = await _http.GetAsync(new Uri("/-/ready", UriKind.Relative));
            return response.IsSuccessStatusCode;
        }
        catch (HttpRequestException) when (!_process.HasExited)
        {
            return false;
        }
        catch (HttpRequestException e)
        {
            throw new InvalidOperationException($"Prometheus did not start:\n{_process.LogTail()}", e);
        }
    }

    private static Dictionary<string, string> Labels(JsonElement labels) => labels.EnumerateObject().ToDictionary(label => label.Name, label => label.Value.GetString()!);
}
