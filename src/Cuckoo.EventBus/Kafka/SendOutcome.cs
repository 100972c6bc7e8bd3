namespace Cuckoo.EventBus.Kafka;

/// <summary>What the answer to a record means.</summary>
internal enum SendOutcome
{
    /// <summary>All in-sync replicas have it.</summary>
    Acknowledged,

    /// <summary>It, or another record of its batch, was refused for what it is.</summary>
    Rejected,

    /// <summary>It was not written because a record before it was refused: to be sent again at once.</summary>
    HeldBack,

    /// <summary>The bus or the broker is in trouble, which is no record's fault: to be sent again in a while.</summary>
    Trouble,
}
