namespace Cuckoo.EventBus.Chaos.Workers;

/// <summary>The clock of a machine that nobody has set right.</summary>
internal sealed class ShiftedClock(TimeSpan offset) : TimeProvider
{
    public override DateTimeOffset GetUtcNow() => base.GetUtcNow() + offset;
}
