using Cuckoo.EventBus;
using Shop.Contracts;

namespace Shop.Orders;

/// <summary>
/// An order, which raises its events while it changes; <c>SaveChanges</c> publishes them. Completed and Cancelled are final:
/// whichever comes first wins, and what comes later finds the order decided.
/// </summary>
public sealed class Order : IHasDomainEvents
{
    private readonly List<object> _events = [];

    public Guid Id { get; private set; }

    public string Email { get; private set; } = "";

    public string Sku { get; private set; } = "";

    public int Quantity { get; private set; }

    public decimal Amount { get; private set; }

    public OrderStatus Status { get; private set; }

    /// <summary>Why it is cancelled.</summary>
    public string? Reason { get; private set; }

    public DateTimeOffset PlacedAt { get; private set; }

    /// <summary>When it became final.</summary>
    public DateTimeOffset? DecidedAt { get; private set; }

    /// <summary>The trace of the request that placed it. The other services note the same one.</summary>
    public string? TraceId { get; private set; }

    /// <summary>Counts locks, see <see cref="OrdersDbContext.LockOrderAsync"/>.</summary>
    public int Version { get; private set; }

    public bool IsFinal => Status is OrderStatus.Completed or OrderStatus.Cancelled;

    IReadOnlyCollection<object> IHasDomainEvents.DomainEvents => _events;

    public static Order Place(Guid id, string email, string sku, int quantity, decimal amount, DateTimeOffset now, string? traceId)
    {
        var order = new Order { Id = id, Email = email, Sku = sku, Quantity = quantity, Amount = amount, PlacedAt = now, TraceId = traceId };
        order._events.Add(new OrderCreatedEvent(id, email, sku, quantity, amount));
        return order;
    }

    /// <returns>Whether it could still be changed.</returns>
    public bool ChangeEmail(string email)
    {
        if (!IsFinal && Email != email)
        {
            Email = email;
            _events.Add(new OrderUpdatedEvent(Id, email));
        }

        return Email == email;
    }

    public void MarkPaid()
    {
        // The goods may have been set aside before the word of the payment got here: those are two topics.
        if (Status == OrderStatus.Placed)
        {
            Status = OrderStatus.Paid;
        }
    }

    public void Complete(DateTimeOffset now)
    {
        if (!IsFinal)
        {
            Status = OrderStatus.Completed;
            DecidedAt = now;
            _events.Add(new OrderCompletedEvent(Id, Email));
        }
    }

    /// <returns>Whether it is cancelled now.</returns>
    public bool Cancel(string reason, DateTimeOffset now)
    {
        if (!IsFinal)
        {
            Status = OrderStatus.Cancelled;
            Reason = reason;
            DecidedAt = now;
            _events.Add(new OrderCancelledEvent(Id, Email, reason));
        }

        return Status == OrderStatus.Cancelled;
    }

    void IHasDomainEvents.ClearDomainEvents() => _events.Clear();
}
