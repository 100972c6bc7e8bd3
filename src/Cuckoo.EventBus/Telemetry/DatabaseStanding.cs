namespace Cuckoo.EventBus.Telemetry;

/// <summary>How the bus's tables of one database stand.</summary>
/// <param name="Database">The context's name.</param>
/// <param name="Pending">Events of the outbox to be sent or tried again.</param>
/// <param name="OldestAge">How long the longest waiting of them has waited.</param>
/// <param name="Dead">Events given up.</param>
/// <param name="Parked">Parked records, by consumer.</param>
internal sealed record DatabaseStanding(string Database, long Pending, TimeSpan OldestAge, long Dead, IReadOnlyList<ParkedStanding> Parked);
