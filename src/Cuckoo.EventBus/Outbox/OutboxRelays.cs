#pragma warning disable CA1822, IDE0040 // filled in by the next commits
namespace Cuckoo.EventBus.Outbox;

internal sealed class OutboxRelays
{
    public void Start() => _ = this.ToString();
    public Task StopAsync(CancellationToken ct) => Task.CompletedTask;
}
