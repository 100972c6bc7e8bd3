using System.Globalization;
using System.Text.Json;
using System.Text.Json.Serialization;

namespace Cuckoo.EventBus.Benchmarks.Harness;

/// <summary>The lines of a run: printed as they come, and kept as JSON, rewritten after each measure.</summary>
internal sealed class Report(BenchOptions options, IReadOnlyDictionary<string, string> servers)
{
    private static readonly JsonSerializerOptions Json = new(JsonSerializerDefaults.Web)
    {
        WriteIndented = true,
        Encoder = System.Text.Encodings.Web.JavaScriptEncoder.UnsafeRelaxedJsonEscaping,
        NumberHandling = JsonNumberHandling.AllowNamedFloatingPointLiterals,
    };

    private readonly DateTimeOffset _begun = DateTimeOffset.UtcNow;
    private readonly List<Line> _lines = [];
    private readonly Dictionary<string, string> _failures = [];

    public bool IsComplete => _failures.Count == 0;

    public string File { get; } = Path.Combine(Folder, $"bench-{DateTime.UtcNow.ToString("yyyyMMdd-HHmmss", CultureInfo.InvariantCulture)}.json");

    /// <summary>Set by bench.sh; beside the program otherwise.</summary>
    private static string Folder => Environment.GetEnvironmentVariable("EVENTBUS_BENCH_OUTPUT") is { Length: > 0 } folder ? folder : Path.Combine(AppContext.BaseDirectory, "bench");

    public static void Header() => Console.WriteLine("name | ours | limit | ratio | goal | ok or short");

    public void Add(IReadOnlyList<Line> lines)
    {
        foreach (var line in lines)
        {
            _lines.Add(line);
            Console.WriteLine(line);
        }

        Save();
    }

    public void Failed(string name, string reason)
    {
        _failures[name] = reason;
        Console.WriteLine($"{name} | could not be taken: {reason}");
        Save();
    }

    public void Summary()
    {
        var shorts = _lines.Where(line => line.Verdict == "short").Select(line => line.Name).ToList();
        Console.WriteLine();
        Console.WriteLine($"{_lines.Count(line => line.Verdict == "ok")} ok, {shorts.Count} short{List(shorts)}, {_failures.Count} not taken{List(_failures.Keys)}");
    }

    private static string List(IReadOnlyCollection<string> names) => names.Count == 0 ? "" : $" ({string.Join(", ", names)})";

    private void Save()
    {
        Directory.CreateDirectory(Folder);
        System.IO.File.WriteAllText(File, JsonSerializer.Serialize(
            new
            {
                begun = _begun,
                commit = Environment.GetEnvironmentVariable("EVENTBUS_BENCH_COMMIT"),
                machine = new { processors = Environment.ProcessorCount, runtime = Environment.Version.ToString(), system = System.Runtime.InteropServices.RuntimeInformation.OSDescription },
                servers,
                options = new { options.Rows, options.Rounds, options.Seconds, options.LingerMs },
                lines = _lines.Select(line => new { line.Name, line.Ours, line.Limit, line.Unit, line.Ratio, goal = line.Goal.Text, line.Verdict, line.Details }),
                failures = _failures,
            },
            Json));
    }
}
