namespace Cuckoo.EventBus.Retrying;

/// <summary>Why and when a consumer gave up a record.</summary>
internal sealed record Failure(Exception Exception, int Attempts, DateTimeOffset First, DateTimeOffset Last);
