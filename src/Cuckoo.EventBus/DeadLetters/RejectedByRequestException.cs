namespace Cuckoo.EventBus.DeadLetters;

/// <summary>Why a parked record is a dead letter although its consumer would have tried it again.</summary>
internal sealed class RejectedByRequestException(string? reason, string? lastError) : Exception(
    $"Rejected by request{(reason is null ? "" : $": {reason}")}.{(lastError is null ? "" : $" The last failure said: {lastError}")}");
