namespace Cuckoo.EventBus.Kafka;

/// <summary>Who waits for the broker's answer to one record.</summary>
internal interface ISending
{
    /// <summary>
    /// Called once, on the producer's own thread or on the sender's: so it must be short and must not send.
    /// </summary>
    void Answered(SendResult result);
}
