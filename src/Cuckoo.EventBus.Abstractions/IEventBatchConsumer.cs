namespace Cuckoo.EventBus;

/// <summary>Reacts to many events of one type at once: for effects that are cheaper together, such as one INSERT of many rows.</summary>
/// <typeparam name="TEvent">The event's type: a <see cref="DomainEvent"/>, or a type that was given its names by <c>Map</c>.</typeparam>
/// <remarks>
/// As <see cref="IEventConsumer{TEvent}"/>, with one transaction for the batch: the inbox's marks of all its events, what the
/// handler writes and what it publishes are committed together. A batch holds records of one partition in their order, none
/// that was handled before. When it fails, it is divided until the failing record is alone; the others go on. A class that
/// takes several types of one topic gets each row of one type by itself, in the order of the records and in the same
/// transaction. Ambient state that <c>OnConsume</c> hooks set is not seen here, since each record has its own: what is needed
/// of it is in the record's context. A class that implements this for an event implements no
/// <see cref="IEventConsumer{TEvent}"/>.
/// </remarks>
public interface IEventBatchConsumer<TEvent>
    where TEvent : class
{
    /// <summary>Handles a batch.</summary>
    /// <param name="batch">At least one event, in the order of their records.</param>
    /// <param name="ct">Cancelled when the time limit of the attempt passes or the partition is given up.</param>
    Task ConsumeAsync(IReadOnlyList<ReceivedEvent<TEvent>> batch, CancellationToken ct);
}
