using Confluent.Kafka;
using Cuckoo.EventBus.Wire;
using Microsoft.Extensions.Logging;

namespace Cuckoo.EventBus.Kafka;

/// <summary>
/// One librdkafka producer from its making to its end. After a fatal error every further record is answered with an error, so
/// nothing can pass the one that failed; its holder re-reads what is unanswered and takes the next generation. Safe for
/// concurrent use.
/// </summary>
internal sealed class ProducerGeneration
{
    /// <summary>
    /// How long a fatal producer may take to answer for what it holds. A record handed over at the very moment it became fatal
    /// can be left without an answer for ever.
    /// </summary>
    private static readonly TimeSpan LastAnswers = TimeSpan.FromSeconds(1);

    private readonly Lock _lock = new();
    private readonly HashSet<TaskCompletionSource<SendResult>> _unanswered = [];
    private readonly TimeProvider _time;
    private readonly IProducer<byte[]?, byte[]?> _producer;
    private readonly ILogger _logger;
    private ErrorCode? _fatal;
    private bool _isEnding;
    private bool _isClosed;

    public ProducerGeneration(KafkaClients clients, TimeProvider time, ILogger logger, bool oneRecordPerBatch)
    {
        _time = time;
        _logger = logger;
        _producer = clients.Producer(OnError, oneRecordPerBatch);
    }

    public bool IsUsable
    {
        get
        {
            lock (_lock)
            {
                return _fatal is null && !_isClosed;
            }
        }
    }

    /// <summary>
    /// Hands a record to the producer; the task ends with the broker's answer, or with the producer, and never fails. Records of one partition that
    /// are handed over one after the other are written in that order.
    /// </summary>
    public Task<SendResult> SendAsync(string topic, byte[]? key, byte[]? value, EventHeaders headers)
    {
        var message = new Message<byte[]?, byte[]?> { Key = key, Value = value, Headers = ToKafka(headers) };
        var answer = new TaskCompletionSource<SendResult>(TaskCreationOptions.RunContinuationsAsynchronously);
        lock (_lock)
        {
            if (_fatal is not null || _isClosed)
            {
                return Task.FromResult(Unusable("The producer became unusable; another one takes its place."));
            }

            _unanswered.Add(answer);
        }

        try
        {
            _producer.Produce(topic, message, report => Answer(report.Error, answer));
        }
        catch (ProduceException<byte[]?, byte[]?> e)
        {
            Answer(e.Error, answer);
        }
        catch (Exception e) when (e is ArgumentException or InvalidOperationException or ObjectDisposedException)
        {
            Answer(new Error(e is ObjectDisposedException ? ErrorCode.Local_Destroy : ErrorCode.Local_InvalidArg, e.Message), answer);
        }

        return answer.Task;
    }

    /// <inheritdoc cref="SendAsync(string, byte[], byte[], EventHeaders)"/>
    public Task<SendResult> SendAsync(OutgoingRecord record) =>
        SendAsync(record.Topic, record.Key, record.Payload, HeaderBlock.Read(record.Headers));

    /// <summary>Ends the producer, whatever it still holds.</summary>
    public void Close()
    {
        lock (_lock)
        {
            if (_isClosed)
            {
                return;
            }

            _isClosed = true;
        }

        _producer.Dispose();
        TaskCompletionSource<SendResult>[] unanswered;
        lock (_lock)
        {
            unanswered = [.. _unanswered];
            _unanswered.Clear();
        }

        foreach (var answer in unanswered)
        {
            answer.TrySetResult(Unusable("The producer ended before the broker answered."));
        }
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

    private void Answer(Error error, TaskCompletionSource<SendResult> answer)
    {
        var result = SendResult.From(error);
        lock (_lock)
        {
            _unanswered.Remove(answer);
            if (error.IsFatal || error.Code == ErrorCode.Local_Fatal)
            {
                _fatal ??= error.Code;
            }

            if (_fatal is not null && result.Outcome == SendOutcome.Trouble)
            {
                result = Unusable(result.Error!);
            }

            EndIfFatal();
        }

        answer.TrySetResult(result);
    }

    /// <summary>Under the lock. Not disposed here: this may be the producer's own poll thread, which its disposal waits for.</summary>
    private void EndIfFatal()
    {
        if (_fatal is not null && _unanswered.Count == 0)
        {
            _ = Task.Run(Close);
        }
        else if (_fatal is not null && !_isEnding)
        {
            _isEnding = true;
            _ = CloseLaterAsync();
        }
    }

    private async Task CloseLaterAsync()
    {
        await Task.Delay(LastAnswers, _time).ConfigureAwait(false);
        Close();
    }

    /// <summary>Behind a refused record is no trouble; any other fatal error is, or the next producer would fail as fast.</summary>
    private SendResult Unusable(string error) =>
        new(_fatal == ErrorCode.Local_GaplessGuarantee ? SendOutcome.HeldBack : SendOutcome.Trouble, error);

    private void OnError(Error error)
    {
        if (!error.IsFatal)
        {
            KafkaLog.ClientError(_logger, error.Code.ToString(), error.Reason);
            return;
        }

        if (error.Code == ErrorCode.Local_GaplessGuarantee)
        {
            KafkaLog.RecordRefused(_logger, error.Reason);
        }
        else
        {
            KafkaLog.ProducerFatal(_logger, error.Code.ToString(), error.Reason);
        }

        lock (_lock)
        {
            _fatal ??= error.Code;
            EndIfFatal();
        }
    }
}
