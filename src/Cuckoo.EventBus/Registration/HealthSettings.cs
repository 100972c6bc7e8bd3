using Cuckoo.EventBus.Outbox;

namespace Cuckoo.EventBus;

/// <summary>What is wrong with the limits of health checks.</summary>
internal static class HealthSettings
{
    private const string Section = "EventBus:Health";

    public static void Check(HealthOptions options, List<string> errors)
    {
        Positive(options.OutboxDegradedAge, nameof(options.OutboxDegradedAge));
        NotBefore(options.OutboxUnhealthyAge, options.OutboxDegradedAge, nameof(options.OutboxUnhealthyAge), nameof(options.OutboxDegradedAge));
        Counted(options.OutboxDegradedDead, nameof(options.OutboxDegradedDead));
        Counted(options.OutboxUnhealthyDead, nameof(options.OutboxUnhealthyDead));
        NotBefore(options.OutboxUnhealthyDead, options.OutboxDegradedDead, nameof(options.OutboxUnhealthyDead), nameof(options.OutboxDegradedDead));
        Positive(options.ConsumerDegradedLagTime, nameof(options.ConsumerDegradedLagTime));
        Positive(options.ConsumerUnhealthyLagTime, nameof(options.ConsumerUnhealthyLagTime));
        NotBefore(options.ConsumerUnhealthyLagTime, options.ConsumerDegradedLagTime, nameof(options.ConsumerUnhealthyLagTime), nameof(options.ConsumerDegradedLagTime));
        Positive(options.ConsumerDegradedStall, nameof(options.ConsumerDegradedStall));
        Positive(options.ConsumerUnhealthyStall, nameof(options.ConsumerUnhealthyStall));
        NotBefore(options.ConsumerUnhealthyStall, options.ConsumerDegradedStall, nameof(options.ConsumerUnhealthyStall), nameof(options.ConsumerDegradedStall));

        void Positive(TimeSpan? limit, string name)
        {
            if (limit <= TimeSpan.Zero)
            {
                errors.Add($"{Section}:{name} is {limit}. Set it to more than 00:00:00, or remove it for the default.");
            }
        }

        void Counted(int? limit, string name)
        {
            if (limit is < 1 or > OutboxStatus.CountLimit)
            {
                errors.Add($"{Section}:{name} is {limit}. Set it to at least 1 and at most {OutboxStatus.CountLimit}, up to which dead events are counted, or remove it for the default.");
            }
        }

        void NotBefore<T>(T? unhealthy, T? degraded, string name, string other)
            where T : struct, IComparable<T>
        {
            if (unhealthy is { } later && degraded is { } earlier && later.CompareTo(earlier) < 0)
            {
                errors.Add($"{Section}:{name} is {later}. Set it to at least {other}, {earlier}: what is unhealthy is degraded before.");
            }
        }
    }
}
