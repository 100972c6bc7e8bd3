namespace Samples.Tests.AiTasks;

/// <summary>The AiTasks sample as a process, started by the first test that asks for it, on topics of its own.</summary>
public sealed class AiTasksService(KafkaFixture kafka) : IAsyncLifetime
{
    public const string Queue = "ai-task-queue";
    public const string ModelEvents = "model-events";

    private Task<Running>? _running;

    internal Task<Running> RunningAsync() => _running ??= StartAsync();

    public ValueTask InitializeAsync() => ValueTask.CompletedTask;

    public async ValueTask DisposeAsync()
    {
        if (_running is { IsCompletedSuccessfully: true })
        {
            var program = (await _running).Program;
            await using (program)
            {
                Assert.Equal(0, await program.StopAsync(PosixSignalNumber.Terminate));
            }
        }
    }

    private async Task<Running> StartAsync()
    {
        var broker = await kafka.Broker;
        broker.RequireReal("kafka-python");
        await Python.RequireKafkaAsync();
        var prefix = $"t{Guid.NewGuid():N}-";
        var program = await SampleProgram.StartAsync(
            "AiTasks",
            [
                "--urls=http://127.0.0.1:0",
                $"--ConnectionStrings:kafka={broker.BootstrapServers}",
                $"--EventBus:TopicPrefix={prefix}",
                .. broker.ConsumerSettings.Select(setting => $"--EventBus:Kafka:Consumer:{setting.Key}={setting.Value}"),
            ]);
        return new Running(program, await program.ListensAsync(), broker, prefix);
    }

    internal sealed record Running(SampleProgram Program, Uri Address, KafkaBroker Broker, string Prefix);
}
