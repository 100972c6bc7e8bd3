using Microsoft.Extensions.Logging;

namespace Cuckoo.EventBus.Kafka;

/// <summary>
/// Notices that a topic was deleted and created again, by the id that each creation has (KIP-516), across the clients of one group.
/// The client itself goes on at the offset where it was, so what the new topic has before that would be lost; where it has less,
/// the client starts anew by itself. Used by the thread that polls, alone.
/// </summary>
/// <param name="group">For the log.</param>
/// <param name="topics">The group's topics.</param>
/// <param name="logger">The log.</param>
internal sealed class TopicIncarnations(string group, IEnumerable<string> topics, ILogger<TopicIncarnations> logger)
{
    /// <summary>One small request; so long may records of a new topic be passed over, before all of it is read.</summary>
    private static readonly TimeSpan AskInterval = TimeSpan.FromSeconds(5);

    /// <summary>
    /// So long another member of the group may not have noticed yet and commit where it was in the old topic: partitions that
    /// come from it are read from their beginning, too.
    /// </summary>
    private static readonly TimeSpan NewFor = AskInterval * 3;

    private readonly Dictionary<string, string> _ids = new(StringComparer.Ordinal);
    private readonly Dictionary<string, long> _newSince = new(StringComparer.Ordinal);
    private readonly string[] _topics = [.. topics];
    private Task<IReadOnlyDictionary<string, string>>? _asked;
    private long _nextAsk;

    /// <summary>Whether the topic was made anew a moment ago.</summary>
    public bool IsNew(string topic) => _newSince.TryGetValue(topic, out var since) && Environment.TickCount64 - since < NewFor.TotalMilliseconds;

    /// <summary>Another client asks: what the last one asked may never be answered.</summary>
    public void Forget() => _asked = null;

    /// <summary>Asks now and then, without waiting for the answer.</summary>
    /// <returns>The topics that, by the last answer, are others than before.</returns>
    public IReadOnlyList<string> Look(KafkaConsumer consumer)
    {
        if (_asked is null)
        {
            if (Environment.TickCount64 >= _nextAsk)
            {
                _nextAsk = Environment.TickCount64 + (long)AskInterval.TotalMilliseconds;
                _asked = consumer.TopicIdsAsync(_topics);
            }

            return [];
        }

        if (!_asked.IsCompleted)
        {
            return [];
        }

        var answer = _asked;
        _asked = null;
        if (!answer.IsCompletedSuccessfully)
        {
            KafkaLog.TopicIdsUnknown(logger, answer.Exception?.InnerException, group);
            return [];
        }

        List<string> changed = [];
        foreach (var (topic, id) in answer.Result)
        {
            if (_ids.TryGetValue(topic, out var known) && known != id)
            {
                changed.Add(topic);
                _newSince[topic] = Environment.TickCount64;
                KafkaLog.TopicMadeAnew(logger, topic, group);
            }

            _ids[topic] = id;
        }

        return changed;
    }
}
