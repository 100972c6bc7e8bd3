namespace Shop.Demo;

/// <summary>Who handles what: the demo counts by it, so it says again what the services' consumers say.</summary>
internal static class Flow
{
    public const string Orders = "orders";
    public const string Payments = "payments";
    public const string Inventory = "inventory";
    public const string Notifications = "notifications";
    public const string DeadLetterTopic = "dead-letter-queue";

    public static IReadOnlyList<string> Services { get; } = [Orders, Payments, Inventory, Notifications];

    public static IReadOnlyList<string> Topics { get; } = ["order-events", "payment-events", "inventory-events", "notification-events"];

    /// <summary>The events that each service handles, by topic.</summary>
    public static IReadOnlyDictionary<string, IReadOnlyDictionary<string, string[]>> Handles { get; } =
        new Dictionary<string, IReadOnlyDictionary<string, string[]>>
        {
            [Orders] = new Dictionary<string, string[]>
            {
                ["payment-events"] = ["payment.success", "payment.failed"],
                ["inventory-events"] = ["inventory.deducted", "inventory.out-of-stock"],
            },
            [Payments] = new Dictionary<string, string[]>
            {
                ["order-events"] = ["order.created", "order.cancelled"],
            },
            [Inventory] = new Dictionary<string, string[]>
            {
                ["payment-events"] = ["payment.success"],
                ["order-events"] = ["order.cancelled"],
            },
            [Notifications] = new Dictionary<string, string[]>
            {
                ["order-events"] = ["order.updated", "order.completed", "order.cancelled"],
            },
        };

    public static int HandlersOf(string eventType) => Handles.Values.Count(topics => topics.Values.Any(types => types.Contains(eventType)));
}
