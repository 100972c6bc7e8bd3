namespace Cuckoo.EventBus.Inbox;

/// <summary>The commit was sent and its answer is an error: the inbox row tells whether it took place.</summary>
internal sealed class CommitUnknownException(Exception cause) : Exception("The outcome of the commit is unknown.", cause);
