using System.Diagnostics;
using Cuckoo.EventBus.Tests.Structure;

namespace Cuckoo.EventBus.Tests.Conformance;

/// <summary>The table of the conformance tests, made of a report written by hand.</summary>
public sealed class ResultTableTests
{
    private const string Report =
        """
        <assemblies><assembly><collection>
          <test type="Bus.Inbox_on_embedded_and_SQLite" method="A_repeat_has_no_effect" result="Pass" />
          <test type="Bus.Inbox_on_Kafka_and_PostgreSQL" method="A_repeat_has_no_effect" result="Pass" />
          <test type="Bus.DeadLetters_on_embedded_and_SQLite" method="One_has_a_reason" result="Pass" />
          <test type="Bus.DeadLetters_on_Kafka_and_PostgreSQL" method="One_has_a_reason" result="Pass" />
          <test type="Bus.SomethingElse" method="Is_no_behaviour" result="Fail" />
        </collection></assembly></assemblies>
        """;

    [Fact]
    public async Task Behaviours_stand_in_lines_by_area_and_pairs_in_columns()
    {
        var (exitCode, output, _) = await RunAsync(Report);

        Assert.Equal(
            """
                                      embedded + SQLite  Kafka + PostgreSQL

            Dead letters
              One has a reason        passed             passed

            Inbox
              A repeat has no effect  passed             passed

            2 behaviours: 4 passed, 0 failed, 0 skipped

            """,
            output);
        Assert.Equal(0, exitCode);
    }

    [Theory]
    [InlineData("result=\"Pass\"", "result=\"Fail\"", "1 failed", 1)]
    [InlineData("result=\"Pass\"", "result=\"Skip\"", "1 skipped", 0)]
    [InlineData("One_has_a_reason\" result=\"Pass\"", "One_has_another\" result=\"Pass\"", "2 not run", 1)]
    public async Task One_that_failed_or_was_not_run_on_a_pair_is_told(string text, string instead, string result, int expected)
    {
        var at = Report.IndexOf(text, StringComparison.Ordinal);

        var (exitCode, output, _) = await RunAsync(Report[..at] + instead + Report[(at + text.Length)..]);

        Assert.Contains(result, output, StringComparison.Ordinal);
        Assert.Equal(expected, exitCode);
    }

    [Fact]
    public async Task A_report_without_behaviours_is_an_error()
    {
        var (exitCode, _, _) = await RunAsync("<assemblies />");

        Assert.NotEqual(0, exitCode);
    }

    [Fact]
    public async Task The_table_is_kept_as_Markdown()
    {
        var (_, _, markdown) = await RunAsync(Report);

        Assert.Contains(
            """
            | **Dead letters** | embedded + SQLite | Kafka + PostgreSQL |
            |---|---|---|
            | One has a reason | passed | passed |

            | **Inbox** | embedded + SQLite | Kafka + PostgreSQL |
            |---|---|---|
            | A repeat has no effect | passed | passed |

            2 behaviours: 4 passed, 0 failed, 0 skipped
            """,
            markdown,
            StringComparison.Ordinal);
    }

    private static async Task<(int ExitCode, string Output, string Markdown)> RunAsync(string report)
    {
        var folder = Directory.CreateTempSubdirectory("eventbus-table-");
        try
        {
            var (input, markdown) = (Path.Combine(folder.FullName, "report.xml"), Path.Combine(folder.FullName, "table.md"));
            await File.WriteAllTextAsync(input, report);
            using var process = Process.Start(new ProcessStartInfo("/usr/bin/python3", [Path.Combine(Sources.Root, "tests", "Cuckoo.EventBus.Conformance", "table.py"), input, "--markdown", markdown])
            {
                RedirectStandardOutput = true,
            })!;
            var output = await process.StandardOutput.ReadToEndAsync();
            await process.WaitForExitAsync();
            return (process.ExitCode, output, File.Exists(markdown) ? await File.ReadAllTextAsync(markdown) : "");
        }
        finally
        {
            folder.Delete(recursive: true);
        }
    }
}
