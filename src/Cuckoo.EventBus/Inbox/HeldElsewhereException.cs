namespace Cuckoo.EventBus.Inbox;

/// <summary>Another transaction holds the claim on the event, or the database's only writer's turn: nobody's failure.</summary>
internal sealed class HeldElsewhereException(Exception cause) : Exception("Another transaction holds the event's inbox row.", cause);
