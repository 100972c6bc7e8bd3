namespace Samples.Tests.Demo;

public sealed class CommandLineTests(KafkaFixture kafka)
{
    [Fact]
    public async Task When_time_is_up_it_says_where_everything_stands()
    {
        var (exitCode, output) = await SampleProgram.RunAsync("Shop.Demo", "--orders", "100000", "--timeout", "3");

        Assert.True(exitCode == 1, output);
        // On a busy machine the services have hardly started by then.
        Assert.Matches(
            @"FAILED: the shop did not come to rest within 3 s \(see --timeout\)\. (\d+ orders are open; orders has \d+ events to send and \d+ records to handle; |The services have not all started\.)",
            output);
    }

    [Theory]
    [InlineData("There is no option '--order'. See --help.", "--order", "5")]
    [InlineData("--orders needs a value. See --help.", "--orders")]
    [InlineData("--orders needs a whole number from 1 to 1,000,000.", "--orders", "0")]
    [InlineData("--resume needs --kafka: ", "--resume")]
    [InlineData("--resume needs the databases of the run before: ", "--resume", "--kafka", "localhost:9092")]
    [InlineData("--data is for SQLite's files. ", "--data", "somewhere", "--postgres", "Host=localhost")]
    public async Task Options_that_make_no_sense_are_refused(string message, params string[] options)
    {
        var (exitCode, output) = await SampleProgram.RunAsync("Shop.Demo", options);

        Assert.True(exitCode == 2, output);
        Assert.StartsWith(message, output, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Nothing_is_resumed_where_there_was_no_run()
    {
        var broker = await kafka.Broker;
        broker.RequireReal("a demo that uses a broker");
        var folder = Directory.CreateTempSubdirectory("shop-demo-empty-").FullName;
        try
        {
            var (exitCode, output) = await SampleProgram.RunAsync("Shop.Demo", "--resume", "--kafka", broker.BootstrapServers, "--data", folder);

            Assert.True(exitCode == 1, output);
            Assert.Equal($"FAILED: There is no run to resume in SQLite in {folder}. Leave out --resume to start one.", output.TrimEnd());
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    [Fact]
    public async Task Help_names_every_option()
    {
        var (exitCode, output) = await SampleProgram.RunAsync("Shop.Demo", "--help");

        Assert.Equal(0, exitCode);
        Assert.All(["--orders", "--kafka", "--postgres", "--data", "--resume", "--verbose", "--timeout"], option => Assert.Contains(option, output, StringComparison.Ordinal));
    }

    [Theory]
    [InlineData("FAILED: Kafka at 127.0.0.1:1 does not answer: ", "--kafka", "127.0.0.1:1")]
    [InlineData("FAILED: PostgreSQL at 127.0.0.1:1, databases shop_demo_* can't be used: ", "--postgres", "Host=127.0.0.1;Port=1;Username=postgres")]
    public async Task A_server_that_does_not_answer_is_named(string message, params string[] options)
    {
        var (exitCode, output) = await SampleProgram.RunAsync("Shop.Demo", options);

        Assert.True(exitCode == 1, output);
        Assert.StartsWith(message, output, StringComparison.Ordinal);
        Assert.DoesNotContain("Unhandled exception", output, StringComparison.Ordinal);
    }
}
