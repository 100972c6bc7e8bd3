namespace Cuckoo.EventBus.Retrying;

/// <summary>Whose parked rows some are, and how many.</summary>
internal sealed record ParkedPlace(string Group, string Consumer, string Topic, long Rows);
