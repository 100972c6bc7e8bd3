namespace Cuckoo.EventBus;

/// <summary>An entity that raises events while it changes; <c>SaveChanges</c> publishes them with its state.</summary>
/// <remarks>
/// For contexts with an outbox. The events of one entity keep the order of <see cref="DomainEvents"/>. After a successful
/// save <see cref="ClearDomainEvents"/> is called; after a failed one the events are still there for the next try.
/// </remarks>
public interface IHasDomainEvents
{
    /// <summary>The events raised since the last successful save, oldest first.</summary>
    IReadOnlyCollection<object> DomainEvents { get; }

    /// <summary>Forgets the events: they are written to the outbox.</summary>
    void ClearDomainEvents();
}
