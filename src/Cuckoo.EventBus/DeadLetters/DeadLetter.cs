using Cuckoo.EventBus.Storage;

namespace Cuckoo.EventBus.DeadLetters;

/// <summary>A record that its consumer gave up.</summary>
internal sealed class DeadLetter : StoredRecord
{
    public required string ExceptionType { get; set; }

    public required string ExceptionMessage { get; set; }

    public required string ExceptionStack { get; set; }

    public string? TraceId { get; set; }
}
