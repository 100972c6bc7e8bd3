using Confluent.Kafka;
using Cuckoo.EventBus.Wire;
using Microsoft.Extensions.Logging;

namespace Cuckoo.EventBus.Kafka;

/// <summary>
/// Sends records and awaits their acknowledgement. A producer that became fatal is replaced as soon as it has answered for
/// everything it was given. Safe for concurrent use.
/// </summary>
/// <param name="clients">Makes the producers.</param>
/// <param name="logger">For what happens to them.</param>
/// <param name="oneRecordPerBatch">
/// Whether each record travels alone. The broker refuses a whole batch for one bad record, so a suspect is sent this way.
/// </param>
internal sealed class RecordProducer(KafkaClients clients, ILogger<RecordProducer> logger, bool oneRecordPerBatch = false) : IAsyncDisposable
{
    private readonly Lock _lock = new();
    private Generation? _current;
    private bool _disposed;

    /// <summary>
    /// Hands a record to the producer; the task ends with the broker's answer. Records of one partition that are handed over
    /// one after the other are written in that order.
    /// </summary>
    /// <returns>No error when all in-sync replicas have the record.</returns>
    public Task<SendResult> SendAsync(OutgoingRecord record) =>
        SendAsync(record.Topic, record.Key, record.Payload, HeaderBlock.Read(record.Headers));

    /// <inheritdoc cref="SendAsync(OutgoingRecord)"/>
    public Task<SendResult> SendAsync(string topic, byte[]? key, byte[]? value, EventHeaders headers)
    {
        var message = new Message<byte[]?, byte[]?> { Key = key, Value = value, Headers = ToKafka(headers) };
        var answer = new TaskCompletionSource<SendResult>(TaskCreationOptions.RunContinuationsAsynchronously);
        lock (_lock)
        {
            ObjectDisposedException.ThrowIf(_disposed, this);
            var generation = _current ??= new Generation(clients, logger, oneRecordPerBatch);
            try
            {
                generation.Outstanding++;
                generation.Producer.Produce(topic, message, report => Answer(generation, report.Error, answer));
            }
            catch (ProduceException<byte[]?, byte[]?> e)
            {
                Answer(generation, e.Error, answer);
            }
        }

        return answer.Task;
    }

    /// <summary>Ends the producer; records it still holds are answered with an error and stay where they came from.</summary>
    public ValueTask DisposeAsync()
    {
        Generation? generation;
        lock (_lock)
        {
            _disposed = true;
            generation = _current;
            _current = null;
        }

        generation?.Producer.Dispose();
        return ValueTask.CompletedTask;
    }

    private static Confluent.Kafka.Headers ToKafka(EventHeaders headers)
    {
        var kafka = new Confluent.Kafka.Headers();
        foreach (var (name, value) in headers)
        {
            kafka.Add(name, value);
        }

        return kafka;
    }

    private void Answer(Generation generation, Error error, TaskCompletionSource<SendResult> answer)
    {
        var replace = false;
        lock (_lock)
        {
            generation.Outstanding--;
            generation.IsFatal |= error.IsFatal || error.Code is ErrorCode.Local_Fatal;
            if (generation.IsFatal && generation.Outstanding == 0 && ReferenceEquals(_current, generation))
            {
                _current = null;
                replace = true;
            }
        }

        answer.TrySetResult(SendResult.From(error));
        if (replace)
        {
            // Not here: this is the producer's own poll thread, which its disposal waits for.
            _ = Task.Run(generation.Producer.Dispose);
        }
    }

    private sealed class Generation
    {
        public Generation(KafkaClients clients, ILogger logger, bool oneRecordPerBatch) => Producer = clients.Producer(
            error =>
            {
                if (error.IsFatal)
                {
                    IsFatal = true;
                    KafkaLog.ProducerFatal(logger, error.Code.ToString(), error.Reason);
                }
                else
                {
                    KafkaLog.ClientError(logger, error.Code.ToString(), error.Reason);
                }
            },
            oneRecordPerBatch);

        public IProducer<byte[]?, byte[]?> Producer { get; }

        public int Outstanding { get; set; }

        public bool IsFatal { get; set; }
    }
}
