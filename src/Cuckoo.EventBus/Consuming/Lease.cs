namespace Cuckoo.EventBus.Consuming;

/// <summary>How long a record is this process's to handle.</summary>
/// <param name="Ending">
/// Cancelled first: no attempt begins any more, and none is waited for, since the record's next owner will make it.
/// </param>
/// <param name="Ended">Cancelled when the time for running handlers is over too: nothing done from here on would count.</param>
internal readonly record struct Lease(CancellationToken Ending, CancellationToken Ended);
