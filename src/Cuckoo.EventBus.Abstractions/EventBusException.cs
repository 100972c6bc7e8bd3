namespace Cuckoo.EventBus;

/// <summary>The base of every exception that the event bus itself throws.</summary>
public class EventBusException : Exception
{
    /// <summary>Creates the exception.</summary>
    /// <param name="message">What happened, where, and what to do.</param>
    /// <param name="innerException">What caused it, if anything did.</param>
    public EventBusException(string message, Exception? innerException = null)
        : base(message, innerException)
    {
    }
}
