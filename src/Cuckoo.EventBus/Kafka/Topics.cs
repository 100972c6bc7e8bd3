#pragma warning disable CA1822, IDE0040 // filled in by the next commits
namespace Cuckoo.EventBus.Kafka;

internal sealed class Topics
{
    public Task StartAsync(CancellationToken ct) => Task.CompletedTask;
    public Task StopAsync() => Task.CompletedTask;
}
