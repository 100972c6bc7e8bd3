namespace Cuckoo.EventBus.Benchmarks.Sides;

/// <summary>One transaction's event, and when its COMMIT returned.</summary>
internal sealed record Commit(Guid EventId, DateTime At)
{
    /// <summary>Of a COMMIT that just returned.</summary>
    public static Commit Now(Guid eventId) => new(eventId, DateTime.UtcNow);
}
