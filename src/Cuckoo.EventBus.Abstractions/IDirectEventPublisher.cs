namespace Cuckoo.EventBus;

/// <summary>Sends events at once, outside any database transaction, and awaits the broker's acknowledgement.</summary>
/// <remarks>
/// Singleton, safe for concurrent use. When a call returns, the events are on all in-sync replicas. It waits at most 30 s, or
/// less if its token says so. When it throws, they may or may not be written (the answer can be lost on the way back); sending
/// the same instances again is safe for consumers with an inbox, because the id is the same.
/// <see cref="PublishOptions.DeliverAt"/> needs an outbox and is refused.
/// </remarks>
public interface IDirectEventPublisher : IEventPublisher;
