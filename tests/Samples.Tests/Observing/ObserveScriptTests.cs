using System.Globalization;
using System.Net.NetworkInformation;
using System.Text.Json;
using System.Text.RegularExpressions;

namespace Samples.Tests.Observing;

/// <summary><c>samples/observe.sh</c> as a person runs it, and the questions that README has for it.</summary>
public sealed partial class ObserveScriptTests
{
    private const int Orders = 12;

    /// <summary>How many ports it takes from the one that it is told.</summary>
    private const int Ports = 10;

    [Fact]
    public async Task It_answers_the_questions_of_the_README_and_leaves_nothing_behind_when_it_is_interrupted()
    {
        if (KafkaProcess.Home is null)
        {
            Requirement.Missing("No Kafka that the script could start: set KAFKA_HOME to a distribution");
        }

        if (!JaegerServer.IsAvailable)
        {
            Requirement.Missing("No Jaeger: set JAEGER_HOME");
        }

        Tool.Find("prometheus");
        var folder = Directory.CreateTempSubdirectory("observe-").FullName;
        var port = FreePorts();
        await using var script = await SampleProgram.StartScriptAsync("observe.sh", ["--no-build", "--ports", $"{port}", "--orders", $"{Orders}"], new Dictionary<string, string>
        {
            ["Configuration"] = Repository.Configuration,
            ["TMPDIR"] = folder,
        });

        List<int> children;
        try
        {
            await AnswersAsync(script, port);
            children = ChildrenOf(script.Id);
            Assert.True(children.Count >= 7, $"Four services, Kafka, Jaeger and Prometheus are {children.Count} processes.");
        }
        finally
        {
            // Also after a failure: killed, it would leave all of them behind.
            script.Signal(PosixSignalNumber.Interrupt);
            await script.EndAsync();
        }

        Assert.Equal(0, await script.EndAsync());
        Assert.DoesNotContain(children, child => Directory.Exists($"/proc/{child}"));
        Assert.Empty(Listening(port));
        Assert.Empty(Directory.GetDirectories(folder));
        Directory.Delete(folder, recursive: true);
    }

    [Fact]
    public async Task It_says_what_is_missing()
    {
        await using var script = await SampleProgram.StartScriptAsync("observe.sh", ["--no-build"], new Dictionary<string, string>
        {
            ["JAEGER_HOME"] = "",
            ["KAFKA_HOME"] = "",
        });

        Assert.Equal(2, await script.EndAsync());
        Assert.Contains("missing: Jaeger: JAEGER_HOME is not set", script.Output, StringComparison.Ordinal);
        Assert.EndsWith("observe: There is no Kafka: set KAFKA_HOME to an unpacked distribution, or name a broker by --kafka HOST:PORT.", script.Output.TrimEnd(), StringComparison.Ordinal);
    }

    private static async Task AnswersAsync(SampleProgram script, int port)
    {
        var order = (await script.SaysAsync(FirstOrder)).Groups[1].Value;
        await script.SaysAsync(AllPlaced);
        Assert.Equal(
            ["orders", "payments", "inventory", "notifications", "Jaeger", "Prometheus"],
            Address.Matches(script.Output).Select(match => match.Groups[1].Value).Where(name => name != "Grafana"));
        using var http = new HttpClient();
        foreach (var path in new[] { $"http://localhost:{port}/health/ready", $"http://localhost:{port + 3}/metrics", $"http://localhost:{port + 5}/api/v1/rules" })
        {
            Assert.NotEmpty(await http.GetStringAsync(new Uri(path)));
        }

        foreach (var query in QueriesOfTheReadme().Select(query => query.Replace("ORDER", order, StringComparison.Ordinal)))
        {
            await Eventually.True(() => HasAnswerAsync(http, port, query), SampleProgram.Limit, $"an answer to {query}");
        }
    }

    /// <summary>Of Jaeger's API, or expressions for Prometheus; other code in the table names spans and outcomes.</summary>
    private static List<string> QueriesOfTheReadme()
    {
        var queries = Markdown.Read("README.md").Table("question").SelectMany(row => Code.Matches(string.Concat(row)).Select(code => code.Groups[1].Value))
            .Where(code => code.StartsWith("/api/", StringComparison.Ordinal) || code.Contains("cuckoo_", StringComparison.Ordinal) || code.Contains('(', StringComparison.Ordinal)).ToList();
        Assert.Equal(7, queries.Count);
        return queries;
    }

    private static async Task<bool> HasAnswerAsync(HttpClient http, int port, string query)
    {
        var isForJaeger = query.StartsWith("/api/", StringComparison.Ordinal);
        // In an address quotes and braces are written otherwise, which whoever opens it does by themselves.
        var address = isForJaeger ? new Uri($"http://localhost:{port + 4}{query}") : new Uri($"http://localhost:{port + 5}/api/v1/query?query={Uri.EscapeDataString(query)}");
        using var response = await http.GetAsync(address);
        var body = await response.Content.ReadAsStringAsync();
        Assert.True(response.IsSuccessStatusCode, $"{query}: {body}");
        var data = JsonSerializer.Deserialize<JsonElement>(body).GetProperty("data");
        return (isForJaeger ? data : data.GetProperty("result")).GetArrayLength() > 0;
    }

    /// <summary>The first of enough ports in a row that nobody listens on.</summary>
    private static int FreePorts()
    {
        while (true)
        {
            var port = ServerProcess.FreePort();
            if (Listening(port).Count == 0)
            {
                return port;
            }
        }
    }

    private static List<int> Listening(int from) =>
        [.. IPGlobalProperties.GetIPGlobalProperties().GetActiveTcpListeners().Select(end => end.Port).Where(port => port >= from && port < from + Ports)];

    private static List<int> ChildrenOf(int process) =>
    [
        .. File.ReadAllText($"/proc/{process}/task/{process}/children").Split(' ', StringSplitOptions.RemoveEmptyEntries).Select(id => int.Parse(id, CultureInfo.InvariantCulture)),
    ];

    [GeneratedRegex("^first order +([-0-9a-f]{36}), trace [0-9a-f]{32}$", RegexOptions.Multiline)]
    private static partial Regex FirstOrder { get; }

    [GeneratedRegex(@"^(\w+) +http://localhost:\d+", RegexOptions.Multiline)]
    private static partial Regex Address { get; }

    [GeneratedRegex("^orders +12 placed", RegexOptions.Multiline)]
    private static partial Regex AllPlaced { get; }

    [GeneratedRegex("`([^`]+)`")]
    private static partial Regex Code { get; }
}
