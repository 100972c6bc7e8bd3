using System.Text.RegularExpressions;

namespace Cuckoo.EventBus.Tests.Structure;

/// <summary>Who may know whom.</summary>
public sealed class FolderTests
{
    /// <summary>
    /// What each folder may use. A record goes Publishing → Outbox → Kafka → Consuming → Inbox → Retrying → DeadLetters: the
    /// half that publishes knows nothing of the half that consumes, Kafka knows neither, and of the consuming half only
    /// Consuming, which calls the others in turn, knows what follows. There are no circles.
    /// </summary>
    private static readonly Dictionary<string, string[]> MayUse = new(StringComparer.Ordinal)
    {
        ["Wire"] = ["Telemetry"],
        ["Telemetry"] = ["Wire"],
        ["Kafka"] = ["Wire", "Telemetry"],
        ["Storage"] = ["Wire", "Telemetry"],
        ["Outbox"] = ["Storage", "Kafka", "Telemetry", "Wire"],
        ["Publishing"] = ["Outbox", "Storage", "Kafka", "Telemetry", "Wire"],
        ["Inbox"] = ["Storage", "Telemetry", "Wire"],
        ["Retrying"] = ["Inbox", "Storage", "Kafka", "Telemetry", "Wire"],
        ["DeadLetters"] = ["Retrying", "Inbox", "Outbox", "Storage", "Kafka", "Telemetry", "Wire"],
        ["Consuming"] = ["DeadLetters", "Retrying", "Inbox", "Outbox", "Storage", "Kafka", "Telemetry", "Wire"],
        ["Health"] = ["Consuming", "DeadLetters", "Retrying", "Inbox", "Outbox", "Storage", "Kafka", "Telemetry", "Wire"],
    };

    /// <summary>Single files that have to know more, each with its reason.</summary>
    private static readonly Dictionary<string, string[]> Exceptions = new(StringComparer.Ordinal)
    {
        // The model names the rows of every table, and their names.
        ["Storage/ModelBuilderExtensions.cs"] = ["Outbox", "Inbox", "Retrying", "DeadLetters"],
        ["Storage/DatabaseLayout.cs"] = ["Outbox", "Inbox", "Retrying", "DeadLetters"],
    };

    [Fact]
    public void A_folder_uses_only_what_it_may_know()
    {
        var violations =
            from source in Sources.Library
            let folder = FolderOf(source.Path)
            where folder is not "Registration"
            let may = MayUse.GetValueOrDefault(folder, []).Concat(Exceptions.GetValueOrDefault(source.Path.Replace('\\', '/'), []))
            from used in MayUse.Keys
            where used != folder && !may.Contains(used) && Uses(source.Code, used)
            select $"{source.Path} uses {used}";

        Assert.Empty(violations);
    }

    [Fact]
    public void Every_folder_has_its_rule() =>
        Assert.Empty(Sources.Library.Select(s => FolderOf(s.Path)).Distinct().Except(MayUse.Keys).Except(["Registration"]));

    [Fact]
    public void Only_the_folder_Kafka_names_the_client_library() =>
        Assert.Empty(Sources.Library.Where(s => FolderOf(s.Path) != "Kafka" && s.Code.Contains("Confluent", StringComparison.Ordinal)).Select(s => s.Path));

    [Fact]
    public void The_abstractions_know_neither_Kafka_nor_EF_Core() =>
        Assert.Empty(Sources.Read("src/Cuckoo.EventBus.Abstractions").Where(s => Regex.IsMatch(s.Code, "Confluent|EntityFrameworkCore|Microsoft.Extensions")).Select(s => s.Path));

    /// <summary>
    /// Whoever asks what time it is, or waits for some of it to pass, asks a TimeProvider. (How long a poll thread has blocked
    /// already is counted in ticks: no test could stop that clock.)
    /// </summary>
    [Theory]
    [InlineData(@"\bDateTime(Offset)?\s*\.\s*(Utc)?(Now|Today)\b")]
    [InlineData(@"\bTask\.Delay\((?![^;]*\btime\b|[^;]*_time\b)")]
    [InlineData(@"\bThread\.Sleep\b")]
    [InlineData(@"\bnew (System\.Threading\.)?Timer\(")]
    [InlineData(@"\bnew PeriodicTimer\((?![^;]*\btime\b|[^;]*_time\b)")]
    [InlineData(@"\bnew CancellationTokenSource\((?!\))(?![^;]*\btime\b|[^;]*_time\b)")]
    [InlineData(@"\.CancelAfter\(")]
    public void The_clock_is_a_TimeProvider(string forbidden)
    {
        var library = Sources.Library.Concat(Sources.Read("src/Cuckoo.EventBus.Abstractions"));

        Assert.Empty(library.Where(s => Regex.IsMatch(s.Code, forbidden)).Select(s => s.Path));
    }

    [Fact]
    public void Event_ids_of_log_lines_are_the_folders_own()
    {
        var ids = from source in Sources.Library
                  from Match match in Regex.Matches(source.Code, @"\[LoggerMessage\((?:EventId = )?(\d+)")
                  select (Folder: FolderOf(source.Path), Id: int.Parse(match.Groups[1].Value, System.Globalization.CultureInfo.InvariantCulture));

        Assert.Empty(ids.GroupBy(i => i.Id).Where(g => g.Count() > 1).Select(g => g.Key));
        Assert.Empty(ids.GroupBy(i => i.Id / 100).Where(g => g.Select(i => i.Folder).Distinct().Count() > 1).Select(g => $"block {g.Key}00: {string.Join(", ", g.Select(i => i.Folder).Distinct())}"));
    }

    private static string FolderOf(string path) => path.Split('/', '\\') is [var folder, _, ..] ? folder : "";

    private static bool Uses(string code, string folder) =>
        Regex.IsMatch(code, $@"(?m)^using (static )?Cuckoo\.EventBus\.{folder}\b|Cuckoo\.EventBus\.{folder}\.|(?<![\w.:""'/]){folder}\.[A-Z]");
}
