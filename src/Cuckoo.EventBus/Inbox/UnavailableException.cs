namespace Cuckoo.EventBus.Inbox;

/// <summary>The database could not do it now, through no fault of the record: the same attempt is due again later.</summary>
internal sealed class UnavailableException(string message, Exception cause) : Exception(message, cause)
{
    public static UnavailableException HeldElsewhere(Exception cause) => new("Another transaction holds the event's inbox row, or the database's only write lock.", cause);
}
