namespace Cuckoo.EventBus;

/// <summary>The names of the bus's tables and the number of the outbox's lanes, for <c>model.AddEventBus(tables => …)</c>.</summary>
public sealed class EventBusTables
{
    /// <summary>The tables' schema. Default: <see langword="null"/>, the model's default schema.</summary>
    public string? Schema { get; set; }

    /// <summary>Events to be sent. Default: <c>outbox_messages</c>.</summary>
    public string OutboxMessages { get; set; } = "outbox_messages";

    /// <summary>Who drains which part of the outbox. Default: <c>outbox_lanes</c>.</summary>
    public string OutboxLanes { get; set; } = "outbox_lanes";

    /// <summary>Events handled. Default: <c>inbox_messages</c>.</summary>
    public string InboxMessages { get; set; } = "inbox_messages";

    /// <summary>Records that are tried again later. Default: <c>retry_messages</c>.</summary>
    public string RetryMessages { get; set; } = "retry_messages";

    /// <summary>Records given up. Default: <c>dead_letters</c>.</summary>
    public string DeadLetters { get; set; } = "dead_letters";

    /// <summary>
    /// How many parts the outbox has that can be drained independently, 1 to 1024. Default: 16. It stands in the database from
    /// the migration that makes the table; what stands there counts. Change it only while the outbox is empty and nobody
    /// publishes: two counts at once would put one key in two lanes.
    /// </summary>
    public int Lanes { get; set; } = 16;
}
