using System.Text.RegularExpressions;
using Npgsql;
using Samples.Tests.Readme;

namespace Samples.Tests;

public sealed partial class ReadmeTests(PostgresFixture postgres)
{
    private const string Compiled = "tests/Samples.Tests/Readme";

    public static TheoryData<string> Documents => ["README.md", "samples/README.md", "samples/AiTasks/README.md"];

    [Theory]
    [MemberData(nameof(Documents))]
    public void Every_csharp_block_stands_in_a_compiled_file(string document)
    {
        var files = Directory.GetFiles(Repository.PathOf(Compiled), "*.cs").Select(file => $"\n{Markdown.CodeBlock.Normalize(File.ReadAllText(file))}").ToList();

        var drifted = Markdown.Read(document).CodeBlocks("csharp").Where(block => !files.Exists(file => file.Contains($"\n{block.Normalized}", StringComparison.Ordinal)));

        Assert.Empty(drifted.Select(block => $"{document}:{block.Line} is in no file of {Compiled}:\n{block.Text}"));
    }

    [Fact]
    public void The_README_has_code_to_compile() => Assert.NotEmpty(Markdown.Read("README.md").CodeBlocks("csharp"));

    [Theory]
    [MemberData(nameof(Documents))]
    public void Every_relative_link_leads_to_a_file(string document)
    {
        var folder = Path.GetDirectoryName(Repository.PathOf(document))!;

        var broken = Markdown.Read(document).Links()
            .Where(link => !Uri.IsWellFormedUriString(link, UriKind.Absolute) && !link.StartsWith('#'))
            .Where(link => !Path.Exists(Path.Combine(folder, link.Split('#')[0])));

        Assert.Empty(broken);
    }

    [Theory]
    [MemberData(nameof(Documents))]
    public void Every_command_names_files_that_exist(string document)
    {
        var missing = Markdown.Read(document).CodeBlocks("sh").SelectMany(block => RepositoryPath.Matches(block.Text))
            .Where(path => !Path.Exists(Repository.PathOf(path.Value)));

        Assert.Empty(missing);
    }

    [Fact]
    public void Every_setting_of_the_table_exists_with_the_default_that_the_table_says()
    {
        var settings = ConfigurationTable.Rows().ToList();

        Assert.NotEmpty(settings);
        Assert.Empty(settings.SelectMany(row => row.Mistakes()));
    }

    [Fact]
    public void Every_setting_stands_in_the_table()
    {
        var named = ConfigurationTable.Rows().SelectMany(row => row.Named()).ToHashSet();

        Assert.Empty(ConfigurationTable.AllSettings().Except(named));
    }

    [Fact]
    public async Task The_vacuum_settings_are_understood_by_PostgreSQL()
    {
        await using var database = await postgres.CreateAsync<OrdersDbContext>();
        await using var connection = new NpgsqlConnection(database.ConnectionString);
        await connection.OpenAsync();

        await using var command = new NpgsqlCommand(Assert.Single(Markdown.Read("README.md").CodeBlocks("sql")).Text, connection);
        await command.ExecuteNonQueryAsync();

        command.CommandText = "SELECT array_to_string(reloptions, ' ') FROM pg_class WHERE relname = 'outbox_lanes'";
        Assert.Contains("fillfactor=50", (string?)await command.ExecuteScalarAsync(), StringComparison.Ordinal);
    }

    [GeneratedRegex(@"(?<=^|\s)(?:samples|tests|src|\.build)/[^\s*]+", RegexOptions.Multiline)]
    private static partial Regex RepositoryPath { get; }
}
