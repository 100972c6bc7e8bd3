namespace Cuckoo.EventBus.Chaos.Consumer;

/// <summary>What a handler throws because its event's fate says so.</summary>
internal class HandlerException(string message) : Exception(message)
{
    public static HandlerException Of(FailureKind kind, int attempt) => kind switch
    {
        FailureKind.Park => new HandlerParksException($"Attempt {attempt} is to be parked."),
        FailureKind.Reject => new HandlerRejectsException($"Attempt {attempt} is to be rejected."),
        _ => new HandlerException($"Attempt {attempt} fails."),
    };
}
