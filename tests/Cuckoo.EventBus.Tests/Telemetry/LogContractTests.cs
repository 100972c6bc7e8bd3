using System.Globalization;
using System.Text.RegularExpressions;
using Cuckoo.EventBus.Telemetry;
using Cuckoo.EventBus.Tests.Structure;

namespace Cuckoo.EventBus.Tests.Telemetry;

/// <summary>Event ids and the names of scopes are those of the page that promises them: filters and alerts stand on them.</summary>
public sealed partial class LogContractTests
{
    private static readonly string Page = File.ReadAllText(Path.Combine(Sources.Root, "src/Cuckoo.EventBus/Telemetry/README.md"));

    [Fact]
    public void The_areas_of_event_ids_are_those_of_the_page()
    {
        var promised = Row.Matches(Page).SelectMany(row => row.Groups["folder"].Value.Split(", ").Select(folder => $"{row.Groups["block"]}00 {folder.Trim('`')}"));

        var used = from source in Sources.Library
                   from Match id in EventId.Matches(source.Code)
                   select $"{int.Parse(id.Groups[1].Value, CultureInfo.InvariantCulture) / 100}00 {source.Path.Split('/', '\\')[0]}";
        Assert.Equal(promised.Order(StringComparer.Ordinal), used.Distinct().Order(StringComparer.Ordinal));
    }

    [Theory]
    [InlineData("RecordScope")]
    [InlineData("BatchScope")]
    public void The_names_of_scopes_are_those_of_the_page(string scope)
    {
        var names = NamesIn(scope).Concat(NamesIn("LogScope")).ToList();

        Assert.Equal(8, names.Count);
        Assert.All(names, name => Assert.Contains($"`{name}`", Page, StringComparison.Ordinal));
    }

    [Fact]
    public void The_page_says_what_a_storm_is() =>
        Assert.Contains($"{LogStorms.Lines} lines of one kind in {LogStorms.Interval.TotalSeconds:F0} s", Page, StringComparison.Ordinal);

    private static IEnumerable<string> NamesIn(string scope)
    {
        var code = Assert.Single(Sources.Library, source => source.Path.EndsWith($"{scope}.cs", StringComparison.Ordinal)).Code;
        return ScopeName.Matches(code).Select(match => match.Groups[1].Value);
    }

    [GeneratedRegex(@"(?m)^\| (?<block>\d)00–\d99 \| (?<folder>`[^|]+`) \|")]
    private static partial Regex Row { get; }

    [GeneratedRegex(@"\[LoggerMessage\((?:EventId = )?(\d+)")]
    private static partial Regex EventId { get; }

    [GeneratedRegex("""=> new\("(\w+)", """)]
    private static partial Regex ScopeName { get; }
}
