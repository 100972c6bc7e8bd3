namespace Cuckoo.EventBus.TestKit.Sample;

[Event("order.placed", Topic = Topics.Orders)]
public sealed record OrderPlaced(string OrderId, int Number) : DomainEvent
{
    public string? Note { get; init; }

    public override string PartitionKey => OrderId;
}

[Event("order.shipped", Topic = Topics.Shipping)]
public sealed record OrderShipped(string OrderId, int Number) : DomainEvent
{
    public override string PartitionKey => OrderId;
}

/// <summary>Without a key.</summary>
[Event("stock.counted", Topic = Topics.Orders)]
public sealed record StockCounted(int Count) : DomainEvent;

/// <summary>An event of a topic whose other side is not ours: snake_case, no headers.</summary>
[Event("ai.task", Topic = Topics.AiTasks, Naming = EventNaming.SnakeCase, IsTopicDefault = true)]
public sealed record AiTask(string TaskId, string Model, string Input) : DomainEvent
{
    public override string PartitionKey => TaskId;
}

public static class Topics
{
    public const string Orders = "order-events";
    public const string Shipping = "shipping-events";
    public const string AiTasks = "ai-task-queue";
}
