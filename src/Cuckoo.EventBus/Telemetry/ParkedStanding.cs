namespace Cuckoo.EventBus.Telemetry;

/// <summary>The parked records of one consumer.</summary>
/// <param name="Group">The consumer's group.</param>
/// <param name="Consumer">Its name.</param>
/// <param name="Keys">Keys that wait; a record without a key counts as one.</param>
/// <param name="Records">All records, those behind the first of their key among them.</param>
internal sealed record ParkedStanding(string Group, string Consumer, long Keys, long Records);
