using Cuckoo.EventBus.Kafka;
using Cuckoo.EventBus.Retrying;
using Cuckoo.EventBus.Wire;

namespace Cuckoo.EventBus.DeadLetters;

/// <summary>Dead letters of a consumer without a database: on their topic's replicas before the record counts as finished.</summary>
internal sealed class DeadLetterSender(DirectSender sender, BusSettings settings)
{
    /// <exception cref="EventBusException">The broker did not take it; it is to be sent again.</exception>
    public async Task SendAsync(IncomingEvent incoming, ConsumerSettings consumer, Failure failure, string? traceId, CancellationToken ct)
    {
        if (incoming.Record.Topic == settings.DeadLetterTopic)
        {
            // It is on that topic already; sent again it would come back for ever.
            return;
        }

        var result = await sender.SendAsync(DeadLetterRecord.Create(incoming, consumer, failure, traceId, settings)).WaitAsync(ct).ConfigureAwait(false);
        if (result.IsTooLarge)
        {
            // The topic takes less than the settings say.
            result = await sender.SendAsync(DeadLetterRecord.WithoutPayload(incoming, consumer, failure, traceId, settings)).WaitAsync(ct).ConfigureAwait(false);
        }

        if (!result.IsAcknowledged)
        {
            throw new EventBusException($"The dead letter was not acknowledged by topic '{settings.DeadLetterTopic}': {result.Error}.");
        }
    }
}
