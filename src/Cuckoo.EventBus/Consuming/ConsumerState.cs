namespace Cuckoo.EventBus;

/// <summary>Whether a consumer of this process handles records.</summary>
public enum ConsumerState
{
    /// <summary>It handles what comes.</summary>
    Running,

    /// <summary>It begins no attempts; its group keeps its partitions, and its offsets stay.</summary>
    Paused,

    /// <summary>Nothing is read for it: the host does not run or does not consume, or the group's client can't be used.</summary>
    Stopped,

    /// <summary>
    /// Nothing is read for it until someone has chosen where its group starts (<see cref="IConsumerAdministration.StartGroupAsync(string, StartFrom, CancellationToken)"/>):
    /// the group worked before, and Kafka has no committed position of it any more.
    /// </summary>
    Held,
}
