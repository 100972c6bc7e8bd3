namespace Cuckoo.EventBus;

/// <summary>How an event's properties are named in its JSON.</summary>
public enum EventNaming
{
    /// <summary><c>orderId</c>: the convention of the web and the default.</summary>
    CamelCase,

    /// <summary><c>order_id</c>: the convention of Python's services.</summary>
    SnakeCase,
}
