using System.Text.RegularExpressions;
using Microsoft.Data.Sqlite;

namespace Samples.Tests.Demo;

public sealed partial class DemoTests(KafkaFixture kafka, PostgresFixture postgres)
{
    private const string Balanced = "The books balance: every order is final, money and stock add up, every effect happened once.";

    [Fact]
    public async Task Without_any_server_the_books_balance_and_the_summary_tells_of_everything()
    {
        var (exitCode, output) = await SampleProgram.RunAsync("Shop.Demo", "--orders", "20");

        Assert.True(exitCode == 0, output);
        Assert.Matches("Starting run [0-9a-f]{6}: 20 orders on embedded Kafka, SQLite in ", output);
        Assert.Matches(@"(?m)^orders +20 placed, \d+ completed, \d+ cancelled \(.*\d+ cancelled by the customer", output);
        Assert.Matches(@"(?m)^latency +placed to final: p50 [\d,]+ ms, p99 [\d,]+ ms", output);
        foreach (var service in new[] { "orders", "payments", "inventory", "notifications" })
        {
            Assert.Matches($@"(?m)^ +{service} +[1-9]\d* +[1-9]\d* +\d+$", output);
        }

        Assert.Matches(@"(?m)^repeats +[1-9]\d* records sent twice on purpose, \d+ times a service dropped one \(\d+ had to be\)$", output);
        Assert.Matches(@"(?m)^retries +[1-9]", output);
        Assert.Matches(@"(?m)^dead letter +order\.\w+ at notifications/tell-customer, attempt 1: 550 no such mailbox: nobody@refused\.example \(.+\)$", output);
        Assert.Single(TraceOfOneOrder.Matches(output).Select(match => match.Value).Distinct());
        Assert.Equal(4, TraceOfOneOrder.Count(output));
        Assert.EndsWith(Balanced, output.TrimEnd(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task On_Kafka_and_PostgreSQL_the_books_balance_too()
    {
        var (exitCode, output) = await SampleProgram.RunAsync("Shop.Demo", ["--orders", "20", .. await OnRealOnesAsync()]);

        Assert.True(exitCode == 0, output);
        Assert.Matches(@"20 orders on Kafka at \S+, PostgreSQL at \S+", output);
        Assert.EndsWith(Balanced, output.TrimEnd(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_run_that_was_killed_goes_on_and_balances()
    {
        var servers = await OnRealOnesAsync();
        string run;
        await using (var killed = await SampleProgram.StartAsync("Shop.Demo", ["--orders", "300", .. servers]))
        {
            await killed.SaysAsync(SomeCompleted);
            await killed.StopAsync(PosixSignalNumber.Kill);
            Assert.DoesNotContain(Balanced, killed.Output, StringComparison.Ordinal);
            run = RunId.Match(killed.Output).Value;
        }

        var (exitCode, output) = await SampleProgram.RunAsync("Shop.Demo", ["--resume", .. servers]);

        Assert.True(exitCode == 0, output);
        Assert.Contains($"Resuming {run}: 300 orders on Kafka", output, StringComparison.Ordinal);
        Assert.Matches("(?m)^orders +300 placed", output);
        Assert.EndsWith(Balanced, output.TrimEnd(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Books_that_somebody_has_cooked_are_found_out()
    {
        var broker = await RealKafkaAsync();
        var folder = Directory.CreateTempSubdirectory("shop-demo-cooked-").FullName;
        try
        {
            var (exitCode, output) = await SampleProgram.RunAsync("Shop.Demo", "--orders", "10", "--kafka", broker, "--data", folder);
            Assert.True(exitCode == 0, output);

            await ExecuteAsync(folder, "inventory", """UPDATE "Products" SET "Stock" = "Stock" - 1 WHERE "Sku" = 'book'""");
            await ExecuteAsync(folder, "payments", """UPDATE "Ledger" SET "Amount" = '7' WHERE "Id" = 1""");
            await ExecuteAsync(folder, "notifications", """DELETE FROM "Notifications" WHERE "EventType" = 'order.completed'""");
            (exitCode, output) = await SampleProgram.RunAsync("Shop.Demo", "--resume", "--kafka", broker, "--data", folder);

            Assert.True(exitCode == 1, output);
            Assert.Contains("FAILED: the books don't balance.", output, StringComparison.Ordinal);
            Assert.Matches(@"Of 1000000 × book there are \d+ left, and completed orders took \d+\.", output);
            Assert.Matches(@"Order \S+ \(.+\) is \w+ \(.+\); its payment is \w+ with \[7\.00", output);
            Assert.Matches(@"Payments has taken [\d,.]+; the completed orders come to [\d,.]+\.", output);
            Assert.Matches(@"The customer of order \S+ was told 0 times that it is Completed\.", output);
            Assert.DoesNotContain(Balanced, output, StringComparison.Ordinal);
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    [Fact]
    public async Task Ctrl_C_stops_it_in_order()
    {
        await using var demo = await SampleProgram.StartAsync("Shop.Demo", ["--orders", "100000"]);
        var folder = (await demo.SaysAsync(SqliteFolder)).Groups[1].Value;
        await demo.SaysAsync(SomeCompleted);

        var exitCode = await demo.StopAsync(PosixSignalNumber.Interrupt);

        Assert.True(exitCode == 130, $"It ended with {exitCode}:\n{demo.Output}");
        Assert.EndsWith("Interrupted: the services were stopped in order.", demo.Output.TrimEnd(), StringComparison.Ordinal);
        Assert.False(Directory.Exists(folder), $"{folder} is still there.");
    }

    private async Task<string> RealKafkaAsync()
    {
        var broker = await kafka.Broker;
        broker.RequireReal("a demo that uses a broker");
        return broker.BootstrapServers;
    }

    private async Task<string[]> OnRealOnesAsync() => ["--kafka", await RealKafkaAsync(), "--postgres", (await postgres.ServerAsync()).ConnectionString];

    private static async Task ExecuteAsync(string folder, string service, string sql)
    {
        await using var connection = new SqliteConnection($"Data Source={Path.Combine(folder, $"{service}.db")};Pooling=False");
        await connection.OpenAsync();
        await using var command = connection.CreateCommand();
        command.CommandText = sql;
        Assert.NotEqual(0, await command.ExecuteNonQueryAsync());
    }

    [GeneratedRegex(@"\b[0-9a-f]{32}\b")]
    private static partial Regex TraceOfOneOrder { get; }

    [GeneratedRegex(@"completed +[1-9]\d* .* open +[1-9]")]
    private static partial Regex SomeCompleted { get; }

    [GeneratedRegex("run [0-9a-f]{6}")]
    private static partial Regex RunId { get; }

    [GeneratedRegex(@"SQLite in (\S+)\.\n")]
    private static partial Regex SqliteFolder { get; }
}
