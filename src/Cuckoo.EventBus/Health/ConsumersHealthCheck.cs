using System.Globalization;
using Cuckoo.EventBus.Consuming;
using Cuckoo.EventBus.Kafka;
using Cuckoo.EventBus.Retrying;
using Microsoft.Extensions.Diagnostics.HealthChecks;

namespace Cuckoo.EventBus.Health;

/// <summary>
/// Whether consumers make progress, and what is in their way. Unhealthy when a group has something to handle and nothing moves,
/// or can't be a member of its group; degraded when that is somebody's wish or an outage, which ends by itself. Safe for
/// concurrent use.
/// </summary>
internal sealed class ConsumersHealthCheck(BusSettings settings, ConsumerGroups groups, ConsumerGates gates, BrokerProbe broker, TimeProvider time) : IHealthCheck
{
    /// <summary>The broker's default of <c>group.consumer.session.timeout.ms</c>: so long a member that died may keep its <c>group.instance.id</c>.</summary>
    private static readonly TimeSpan SessionTimeout = TimeSpan.FromSeconds(45);

    private HealthOptions Limits => settings.Options.Health;

    /// <summary>From here on a stall is one.</summary>
    private TimeSpan? Stall => Limits.ConsumerDegradedStall ?? Limits.ConsumerUnhealthyStall;

    public async Task<HealthCheckResult> CheckHealthAsync(HealthCheckContext context, CancellationToken cancellationToken = default)
    {
        var verdict = new Verdict();
        var stalls = new List<(TimeSpan Lasts, string Problem)>();
        foreach (var group in groups.Statuses)
        {
            LookAtClient(group, verdict, stalls);
            LookAtPauses(group, verdict);
            LookAtProgress(group, verdict, stalls);
        }

        // Nobody here can help it when no broker answers, and taking requests goes on.
        if (stalls.Count > 0)
        {
            var isOutage = !await broker.AnswersAsync(settings.AnyTopic).WaitAsync(cancellationToken).ConfigureAwait(false);
            foreach (var stall in stalls)
            {
                Judge(stall, isOutage, verdict);
            }
        }

        return verdict.Result();
    }

    private void Judge((TimeSpan Lasts, string Problem) stall, bool isOutage, Verdict verdict)
    {
        if (isOutage)
        {
            verdict.Degraded($"{stall.Problem} No broker answers.");
        }
        else
        {
            verdict.Beyond(stall.Lasts > Limits.ConsumerUnhealthyStall, stall.Problem);
        }
    }

    private static string OnTopic(GroupTrouble trouble) => trouble.Topic is { } topic ? $" on topic {topic}" : "";

    private static string Text(long? offset) => offset?.ToString(CultureInfo.InvariantCulture) ?? "unknown";

    private static string Seconds(TimeSpan time) => $"{time.TotalSeconds:F0} s";

    private void LookAtClient(GroupStatus group, Verdict verdict, List<(TimeSpan Lasts, string Problem)> stalls)
    {
        var phaseLasts = time.GetUtcNow() - group.Since;
        verdict.Data[$"{group.Group} phase"] = group.Phase.ToString();
        if (group is { Phase: GroupPhase.Held, HeldBecause: { } held })
        {
            verdict.Unhealthy(held);
        }

        if (group.Phase is GroupPhase.Joining && phaseLasts > Stall)
        {
            stalls.Add((phaseLasts, $"Group {group.Group} has asked for partitions for {Seconds(phaseLasts)} and got no answer: look at the broker's group coordinator, and into the log."));
        }

        foreach (var trouble in group.Troubles)
        {
            var lasts = time.GetUtcNow() - trouble.Since;
            switch (trouble.Kind)
            {
                case ClientFailure.Fenced:
                    verdict.Unhealthy($"Group {group.Group} stopped: another process has the same group.instance.id ({trouble.Reason}). Give each process one of its own, then restart this one.");
                    break;
                case ClientFailure.Unreleased when lasts > SessionTimeout:
                    verdict.Unhealthy($"Group {group.Group} has waited {Seconds(lasts)} for its group.instance.id, which another member holds ({trouble.Reason}). Give each process one of its own.");
                    break;
                case ClientFailure.Unreleased:
                    verdict.Degraded($"Group {group.Group} waits for its group.instance.id until the session of the member ends that had it ({trouble.Reason}).");
                    break;
                case ClientFailure.Refused:
                    verdict.Unhealthy($"Group {group.Group}{OnTopic(trouble)} is refused: {trouble.Reason}. Correct the rights at the broker or EventBus:Kafka here; it is tried again by itself.");
                    break;
                case ClientFailure.NoTopic:
                    verdict.Unhealthy($"Group {group.Group}{OnTopic(trouble)} has nothing to read: {trouble.Reason}. Create the topic; it is found within 10 s.");
                    break;
                case ClientFailure.Other when lasts > Stall:
                    stalls.Add((lasts, $"Group {group.Group} has had no usable client for {Seconds(lasts)}: {trouble.Reason}. Look into the log."));
                    break;
                default:
                    verdict.Degraded($"Group {group.Group} gets another client: {trouble.Reason}.");
                    break;
            }
        }
    }

    private void LookAtPauses(GroupStatus group, Verdict verdict)
    {
        foreach (var consumer in group.Consumers)
        {
            verdict.Data[$"{consumer.Name} running"] = gates[consumer.Name].Running;
            foreach (var pause in gates[consumer.Name].Pauses)
            {
                verdict.Data[$"{consumer.Name} paused"] = $"{pause.Reason} since {pause.Since:O}";
                Judge(consumer.Name, pause, group, verdict);
            }
        }
    }

    private void Judge(string consumer, ConsumerPause pause, GroupStatus group, Verdict verdict)
    {
        var lasts = time.GetUtcNow() - pause.Since;
        var what = $"Consumer {consumer} has been paused for {Seconds(lasts)}: {pause.Detail}";
        var isLate = lasts > Limits.ConsumerUnhealthyStall && group.Partitions.Any(partition => partition.Unsettled > 0 || partition.Lag > 0);
        switch (pause.Reason)
        {
            case PauseReason.Administration:
                verdict.Degraded($"{what} IConsumerAdministration.Resume ends that.");
                break;
            case PauseReason.DatabaseAway or PauseReason.BrokerAway:
                verdict.Degraded($"{what} It goes on when that is back.");
                break;
            case var _ when isLate:
                verdict.Unhealthy($"{what} Records wait: mend its cause, or roll the deployment back; IConsumerAdministration.Resume tries at once.");
                break;
            default:
                verdict.Degraded($"{what} It tries again by itself.");
                break;
        }
    }

    private void LookAtProgress(GroupStatus group, Verdict verdict, List<(TimeSpan Lasts, string Problem)> stalls)
    {
        var partitions = group.Partitions;
        verdict.Data[$"{group.Group} partitions"] = partitions.Count;
        verdict.Data[$"{group.Group} lag"] = partitions.Sum(partition => partition.Lag ?? 0);
        verdict.Data[$"{group.Group} lag time (s)"] = partitions.Count == 0 ? 0 : Math.Round(partitions.Max(partition => partition.LagTime).TotalSeconds, 1);
        foreach (var partition in partitions.Where(partition => partition.Idle > Stall).OrderByDescending(partition => partition.Idle).Take(3))
        {
            stalls.Add((partition.Idle, partition.OldestUnfinished is { } oldest
                ? $"Group {group.Group} has finished nothing of {partition.Id} for {Seconds(partition.Idle)}; {partition.Unsettled} records are read, the oldest is at offset {oldest}: look into the log what its handler is doing (EventBus:Health:ConsumerDegradedStall, ConsumerUnhealthyStall)."
                : $"Group {group.Group} has read nothing of {partition.Id} for {Seconds(partition.Idle)}, from offset {Text(partition.NextOffset)}, although the partition goes on to {Text(partition.End)}: look whether the partition has a leader, and for a transaction that was left open."));
        }

        if (partitions.MaxBy(partition => partition.LagTime) is { } latest && latest.LagTime > (Limits.ConsumerDegradedLagTime ?? Limits.ConsumerUnhealthyLagTime))
        {
            verdict.Beyond(
                latest.LagTime > Limits.ConsumerUnhealthyLagTime,
                $"Group {group.Group} is {Seconds(latest.LagTime)} late at {latest.Id}, where {Text(latest.Lag)} records wait: look what its handlers wait for, or give it more instances, its consumers more Concurrency (EventBus:Health:ConsumerDegradedLagTime, ConsumerUnhealthyLagTime).");
        }
    }
}
