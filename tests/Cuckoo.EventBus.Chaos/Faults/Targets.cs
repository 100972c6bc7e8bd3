using Cuckoo.EventBus.Chaos.Checking;
using Cuckoo.EventBus.Chaos.Servers;
using Cuckoo.EventBus.Chaos.Workers;

namespace Cuckoo.EventBus.Chaos.Faults;

/// <summary>Whom a fault can strike, and whom it tells.</summary>
internal sealed record Targets(ChaosServers Servers, WorkerPool Workers, RecordTail Records, Journal Journal)
{
    /// <summary>What a worker writes when it works, and how long that is waited for: one that is cut off is struck all the same.</summary>
    public required (string Sign, TimeSpan Limit) Begun { get; init; }

    /// <summary>Has a stranger join the workers' consumer group, until it is disposed; <see langword="null"/> where they have none.</summary>
    public Func<IAsyncDisposable>? JoinGroup { get; init; }

    /// <summary>Waits until a worker works, or has ended, within the limit.</summary>
    public Task UntilBegunAsync(WorkerProcess worker, CancellationToken ct) =>
        Patience.WithinAsync(Begun.Limit, () => worker.HasSaid(Begun.Sign) || worker.HasEnded, ct);

    /// <summary>The proxy between the worker in a slot and the database.</summary>
    public static string DatabaseProxyOf(int slot) => $"postgres-{slot}";
}
