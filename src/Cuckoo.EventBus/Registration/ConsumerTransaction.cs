namespace Cuckoo.EventBus;

/// <summary>How a consumer's handler and its inbox mark belong together.</summary>
public enum ConsumerTransaction
{
    /// <summary>
    /// One transaction holds the inbox mark, the handler's changes and the events it publishes: once in effect. The default.
    /// </summary>
    Database,

    /// <summary>
    /// For handlers that call out (mail, HTTP): no transaction stays open meanwhile, and the inbox mark follows the handler.
    /// At least once; the event's id is the idempotency key to hand on.
    /// </summary>
    None,
}
