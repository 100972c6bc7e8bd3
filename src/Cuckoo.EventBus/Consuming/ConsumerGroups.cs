#pragma warning disable CA1822, IDE0040 // filled in by the next commits
namespace Cuckoo.EventBus.Consuming;

/// <summary>The service's consumer groups.</summary>
internal sealed class ConsumerGroups
{
    public void Start()
    {
    }

    public Task StopAsync(CancellationToken ct) => Task.CompletedTask;
}
