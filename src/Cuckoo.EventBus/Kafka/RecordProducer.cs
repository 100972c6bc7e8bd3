using Microsoft.Extensions.Logging;

namespace Cuckoo.EventBus.Kafka;

/// <summary>Gives out the producer to send with, and another one when that became unusable. Safe for concurrent use.</summary>
/// <param name="clients">Makes the producers.</param>
/// <param name="time">For the end of a producer that does not answer.</param>
/// <param name="logger">For what happens to them.</param>
/// <param name="lingerMs">
/// How long the first record of a batch waits for others, in milliseconds. With one request in flight batches fill while it is
/// answered, so by default no record waits on top of that.
/// </param>
/// <param name="oneRecordPerBatch">
/// Whether each record travels alone. The broker refuses a whole batch for one bad record, so a suspect is sent this way.
/// </param>
internal sealed class RecordProducer(KafkaClients clients, TimeProvider time, ILogger<RecordProducer> logger, double lingerMs = 0, bool oneRecordPerBatch = false)
    : IDisposable
{
    private readonly Lock _lock = new();
    private ProducerGeneration? _current;
    private bool _disposed;

    /// <summary>
    /// The producer of the moment. Records whose order matters go through one of them: hold on to it until all are answered.
    /// </summary>
    public ProducerGeneration Current
    {
        get
        {
            // For each record: without the lock, as long as it stays the same. The disposal takes it away.
            if (Volatile.Read(ref _current) is { IsUsable: true } usable)
            {
                return usable;
            }

            lock (_lock)
            {
                ObjectDisposedException.ThrowIf(_disposed, this);
                return _current is { IsUsable: true } ? _current : _current = new ProducerGeneration(clients, time, logger, lingerMs, oneRecordPerBatch);
            }
        }
    }

    /// <summary>Ends the producer; records it still holds are answered with an error and stay where they came from.</summary>
    public void Dispose()
    {
        ProducerGeneration? last;
        lock (_lock)
        {
            _disposed = true;
            last = _current;
            _current = null;
        }

        last?.Close();
    }
}
