using Confluent.Kafka;
using Cuckoo.EventBus.Wire;
using Microsoft.Extensions.Logging;
using Place = Cuckoo.EventBus.Kafka.UnansweredRecords<System.Action<Confluent.Kafka.DeliveryReport<byte[]?, byte[]?>>>.Place;

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

    /// <summary>How long to wait for a broker to say how many partitions there are.</summary>
    private static readonly TimeSpan MetadataAnswer = TimeSpan.FromSeconds(1);

    /// <summary>How long that answer is good.</summary>
    private static readonly TimeSpan MetadataAge = TimeSpan.FromSeconds(5);

    [ThreadStatic]
    private static Message<byte[]?, byte[]?>? _message;

    private readonly Lock _lock = new();
    private readonly UnansweredRecords<Action<DeliveryReport<byte[]?, byte[]?>>> _unanswered;
    private readonly Dictionary<string, (long At, Task<int?> Answer)> _partitions = new(StringComparer.Ordinal);
    private readonly TimeProvider _time;
    private readonly IProducer<byte[]?, byte[]?> _producer;
    private readonly ILogger _logger;
    private TopicPartition? _topic;
    private int _calls;
    private ErrorCode? _fatal;
    private bool _isEnding;
    private bool _isClosed;

    // Neither fatal nor closed, to be read without the lock.
    private volatile bool _isUsable = true;

    public ProducerGeneration(KafkaClients clients, TimeProvider time, ILogger logger, double lingerMs, bool oneRecordPerBatch)
    {
        _time = time;
        _logger = logger;
        _unanswered = new(place => report => Answer(report.Error, place));
        _producer = clients.Producer(OnError, lingerMs, oneRecordPerBatch);
    }

    /// <summary>Whether it takes records. Only the sending itself knows for sure: it answers at once if not.</summary>
    public bool IsUsable => _isUsable;

    /// <summary>
    /// Hands a record to the producer, which answers once: at once if it can't take the record, else with the broker's answer,
    /// or at its own end. Records of one partition that are handed over one after the other are written in that order.
    /// </summary>
    /// <param name="topic">The topic.</param>
    /// <param name="key">The key, or none.</param>
    /// <param name="value">The value, or none.</param>
    /// <param name="headers">All headers, as <see cref="HeaderBlock"/> writes them.</param>
    /// <param name="sending">Who is answered.</param>
    public void Send(string topic, byte[]? key, byte[]? value, byte[] headers, ISending sending)
    {
        Confluent.Kafka.Headers kafkaHeaders;
        try
        {
            kafkaHeaders = KafkaHeaders.Of(headers);
        }
        catch (FormatException e)
        {
            sending.Answered(new SendResult(SendOutcome.Rejected, e.Message));
            return;
        }

        Send(topic, key, value, kafkaHeaders, sending);
    }

    /// <inheritdoc cref="Send(string, byte[], byte[], byte[], ISending)"/>
    public void Send(OutgoingRecord record, ISending sending) =>
        Send(record.Topic, record.Key, record.Payload, KafkaHeaders.Of(record.Headers), sending);

    /// <summary>Answers for those that have waited too long. What becomes of their records is not known then.</summary>
    public void GiveUpOverdue()
    {
        List<Sending> overdue;
        lock (_lock)
        {
            overdue = [.. _unanswered.TakeWhere(sending => sending is Sending direct && direct.IsOverdue).Cast<Sending>()];
        }

        foreach (var sending in overdue)
        {
            sending.Answered(new SendResult(SendOutcome.Trouble, $"no answer within {sending.Limit!.Value.TotalSeconds} s"));
        }
    }

    private void Send(string topic, byte[]? key, byte[]? value, Confluent.Kafka.Headers headers, ISending sending)
    {
        Place? place = null;
        lock (_lock)
        {
            if (_fatal is null && !_isClosed)
            {
                place = _unanswered.Add(sending);
                Interlocked.Increment(ref _calls);
            }
        }

        if (place is null)
        {
            sending.Answered(Unusable("The producer became unusable; another one takes its place."));
            return;
        }

        // The binding copies the record before it returns and gives nothing of it back, so one object carries all of a thread's.
        var message = _message ??= new();
        (message.Key, message.Value, message.Headers) = (key, value, headers);
        try
        {
            _producer.Produce(Anywhere(topic), message, place.Handler);
        }
        catch (ProduceException<byte[]?, byte[]?> e)
        {
            Answer(e.Error, place);
        }
        catch (Exception e) when (e is ArgumentException or InvalidOperationException or ObjectDisposedException)
        {
            Answer(new Error(e is ObjectDisposedException ? ErrorCode.Local_Destroy : ErrorCode.Local_InvalidArg, e.Message), place);
        }
        finally
        {
            (message.Key, message.Value) = (null, null);
            Interlocked.Decrement(ref _calls);
        }
    }

    /// <summary>The topic, and the partition is the partitioner's to choose.</summary>
    private TopicPartition Anywhere(string topic)
    {
        var last = _topic;
        return last is not null && last.Topic == topic ? last : _topic = new TopicPartition(topic, Partition.Any);
    }

    /// <summary>How many partitions a topic has, as the cluster says; <see langword="null"/> if nobody answers or knows it.</summary>
    public Task<int?> PartitionsAsync(string topic)
    {
        lock (_lock)
        {
            if (_isClosed)
            {
                return Task.FromResult<int?>(null);
            }

            if (!_partitions.TryGetValue(topic, out var asked) || _time.GetElapsedTime(asked.At) > MetadataAge)
            {
                // A thread of its own, because it blocks; many lanes ask at once.
                Interlocked.Increment(ref _calls);
                var answer = Task.Factory.StartNew(() => Partitions(topic), CancellationToken.None, TaskCreationOptions.LongRunning, TaskScheduler.Default);
                _partitions[topic] = asked = (_time.GetTimestamp(), answer);
            }

            return asked.Answer;
        }
    }

    private int? Partitions(string topic)
    {
        try
        {
            using var admin = new DependentAdminClientBuilder(_producer.Handle).Build();
            return admin.GetMetadata(topic, MetadataAnswer).Topics is [{ Error.IsError: false } known] && known.Partitions.Count > 0 ? known.Partitions.Count : null;
        }
        catch (Exception e) when (e is KafkaException or ObjectDisposedException or InvalidOperationException)
        {
            return null;
        }
        finally
        {
            Interlocked.Decrement(ref _calls);
        }
    }

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
            _isUsable = false;
        }

        // A native call must not meet the end of what it works on. New ones are refused by now.
        SpinWait.SpinUntil(() => Volatile.Read(ref _calls) == 0);
        _producer.Dispose();
        List<ISending> unanswered;
        lock (_lock)
        {
            unanswered = _unanswered.TakeWhere(static _ => true);
        }

        foreach (var sending in unanswered)
        {
            sending.Answered(Unusable("The producer ended before the broker answered."));
        }
    }

    private void Answer(Error error, Place place)
    {
        if (_unanswered.Remove(place) is not { } sending)
        {
            // Answered already: it waited too long, or the producer ended.
            return;
        }

        // Almost always, and without the lock, which whoever sends takes for each record. Who makes the producer unusable looks for
        // those who wait after that; if it saw this one, it is seen here.
        if (!error.IsError && _isUsable)
        {
            sending.Answered(default);
            return;
        }

        var result = SendResult.From(error);
        lock (_lock)
        {
            if (error.IsFatal || error.Code == ErrorCode.Local_Fatal)
            {
                _fatal ??= error.Code;
                _isUsable = false;
            }

            if (_fatal is not null && result.Outcome == SendOutcome.Trouble)
            {
                result = SendResult.IsBehindAnother(error.Code) ? Unusable(result.Error!)
                    : _fatal == ErrorCode.Local_GaplessGuarantee ? SendResult.OfRefused(error)
                    : result;
            }

            EndIfFatal();
        }

        sending.Answered(result);
    }

    /// <summary>Under the lock. Not disposed here: this may be the producer's own poll thread, which its disposal waits for.</summary>
    private void EndIfFatal()
    {
        if (_fatal is not null && _unanswered.IsEmpty)
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
            _isUsable = false;
            EndIfFatal();
        }
    }
}
