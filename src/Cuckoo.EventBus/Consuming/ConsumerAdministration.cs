using Cuckoo.EventBus.Retrying;

namespace Cuckoo.EventBus.Consuming;

/// <inheritdoc cref="IConsumerAdministration"/>
internal sealed class ConsumerAdministration(BusSettings settings, ConsumerGroups groups, ConsumerGates gates, TimeProvider time) : IConsumerAdministration
{
    private readonly DateTimeOffset _created = time.GetUtcNow();

    public IReadOnlyList<ConsumerStatus> List()
    {
        var statuses = groups.Statuses.ToDictionary(status => status.Group, StringComparer.Ordinal);
        return [.. settings.Consumers.Select(consumer => StatusOf(consumer, statuses.GetValueOrDefault(consumer.Group)))];
    }

    public void Pause(string consumer, string? reason = null) =>
        GateOf(consumer).Pause(PauseReason.Administration, string.IsNullOrWhiteSpace(reason) ? "Paused by IConsumerAdministration." : reason);

    public void Resume(string consumer)
    {
        var gate = GateOf(consumer);
        gate.Resume(PauseReason.Administration);
        gate.Resume(PauseReason.Exception);
        // Closes the circuit, which resumes; the pause itself is ended too, so that nothing depends on when that happens.
        _ = gates.SwitchOf(consumer).CloseAsync();
        gate.Resume(PauseReason.KillSwitch);
    }

    public Task StartGroupAsync(string group, StartFrom startFrom, CancellationToken ct = default) => groups.ReleaseAsync(group, startFrom, at: null, ct);

    public Task StartGroupAsync(string group, DateTimeOffset time, CancellationToken ct = default) => groups.ReleaseAsync(group, default, time, ct);

    private static (string? Reason, DateTimeOffset Since)? StoppedBecause(GroupStatus group) => group switch
    {
        { Phase: GroupPhase.Fenced or GroupPhase.Replacing } => (group.Troubles is [.., var last] ? last.Reason : null, group.Since),
        { Phase: GroupPhase.Stopped } => ("The host is stopping, or has not started it yet.", group.Since),
        _ => null,
    };

    private ConsumerStatus StatusOf(ConsumerSettings consumer, GroupStatus? group)
    {
        var gate = gates[consumer.Name];
        var pauses = gate.Pauses;
        var (state, reason, since) = group is null ? (ConsumerState.Stopped, "The host does not run, or does not consume (EventBus:Consumers:Enabled).", _created)
            : group is { Phase: GroupPhase.Held, HeldBecause: { } held } ? (ConsumerState.Held, held, group.Since)
            : StoppedBecause(group) is { } stopped ? (ConsumerState.Stopped, stopped.Reason, stopped.Since)
            : pauses is [var first, ..] ? (ConsumerState.Paused, string.Join(" ", pauses.Select(pause => pause.Detail)), first.Since)
            : (ConsumerState.Running, null, group.Since);
        return new ConsumerStatus
        {
            Name = consumer.Name,
            Group = consumer.Group,
            State = state,
            Reason = reason,
            Since = since,
            Pauses = pauses,
            Running = gate.Running,
            InFlight = group?.InFlight ?? 0,
            Partitions = [.. (group?.Partitions ?? []).Select(p => new ConsumerPartition(p.Id.Topic, p.Id.Partition, p.NextOffset, p.Lag, p.LagTime))],
        };
    }

    private ConsumerGate GateOf(string consumer)
    {
        ArgumentNullException.ThrowIfNull(consumer);
        return gates.Contains(consumer)
            ? gates[consumer]
            : throw new ArgumentException($"There is no consumer '{consumer}'. There are: {string.Join(", ", settings.Consumers.Select(c => c.Name))}.", nameof(consumer));
    }
}
