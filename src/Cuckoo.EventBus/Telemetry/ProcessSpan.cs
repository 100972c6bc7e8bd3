using System.Diagnostics;
using System.Globalization;
using System.Text;
using System.Text.Unicode;
using Cuckoo.EventBus.Wire;

namespace Cuckoo.EventBus.Telemetry;

/// <summary>
/// The span of processing one record, a child of the publisher's, or a batch of them; attributes by OpenTelemetry's semantic conventions for
/// messaging and Kafka. Also where nobody listens, the publisher's trace is current, so that what the handler publishes
/// belongs to it.
/// </summary>
internal sealed class ProcessSpan : IDisposable
{
    private const string ReplayCount = "cuckoo.eventbus.replay_count";

    private readonly Activity? _activity;
    private readonly long _started = Stopwatch.GetTimestamp();
    private readonly string _topic;
    private readonly ConsumerSettings _consumer;
    private string? _error;

    private ProcessSpan(Activity? activity, ActivityContext parent, string topic, ConsumerSettings consumer)
    {
        Parent = parent;
        _activity = activity;
        _topic = topic;
        _consumer = consumer;
    }

    /// <summary>The trace that a record belongs to, read once; <c>default</c> of a batch, or where there is none.</summary>
    public ActivityContext Parent { get; }

    /// <param name="record">The record.</param>
    /// <param name="consumer">Who processes it; other consumers of the event have spans of their own.</param>
    /// <param name="replayCount">How often a person had it replayed: then days may lie between, and a link says what it goes back to.</param>
    public static ProcessSpan Start(IncomingRecord record, ConsumerSettings consumer, int replayCount = 0)
    {
        var parent = TracePropagation.Extract(record.Headers);
        var activity = (BusMetrics.Source.HasListeners() ? BusMetrics.Source.StartActivity($"process {record.Topic}", ActivityKind.Consumer, parent, links: LinksOf(parent, replayCount)) : null)
            ?? Unrecorded(parent);
        if (activity is not null && record.Headers.GetBytes(Headers.Baggage) is not null)
        {
            foreach (var (key, value) in TracePropagation.Baggage(record.Headers))
            {
                activity.AddBaggage(key, value);
            }
        }

        if (activity is { IsAllDataRequested: true })
        {
            Describe(activity, record, consumer);
            if (replayCount > 0)
            {
                // On the span too: Jaeger shows what a span is linked to, but no attributes of a link.
                activity.SetTag(ReplayCount, replayCount);
            }
        }

        return new ProcessSpan(activity, parent, record.Topic, consumer);
    }

    /// <summary>The span of processing several records at once: the root of a trace of its own, linked to each of theirs.</summary>
    /// <param name="topic">The records' topic.</param>
    /// <param name="partition">Their partition.</param>
    /// <param name="consumer">Who processes them.</param>
    /// <param name="traces">The records' traces, <c>default</c> for one that has none; enumerated only where somebody listens.</param>
    /// <param name="count">How many records.</param>
    public static ProcessSpan StartBatch(string topic, int partition, ConsumerSettings consumer, IEnumerable<ActivityContext> traces, int count)
    {
        var activity = BusMetrics.Source.HasListeners()
            ? BusMetrics.Source.StartActivity($"process {topic}", ActivityKind.Consumer, parentContext: default, links: traces.Where(trace => trace != default).Select(trace => new ActivityLink(trace)))
            : null;
        if (activity is { IsAllDataRequested: true })
        {
            Describe(activity, topic, partition, consumer);
            activity.SetTag("messaging.batch.message_count", count);
        }

        return new ProcessSpan(activity, parent: default, topic, consumer);
    }

    /// <summary>Notes on the current record's span that an attempt failed; another one may follow.</summary>
    public static void AttemptFailed(Exception exception, int attempt) => Current?.AddEvent(new ActivityEvent("attempt failed", tags: new ActivityTagsCollection
    {
        { "cuckoo.eventbus.attempt", attempt },
        { "exception.type", exception.GetType().FullName },
        { "exception.message", exception.Message },
    }));

    /// <summary>Notes on the current record's span what became of it, if not what every record should become.</summary>
    public static void Ended(string outcome) => Current?.SetTag("cuckoo.eventbus.outcome", outcome);

    private static Activity? Current => Activity.Current is { IsAllDataRequested: true } span && span.Source == BusMetrics.Source ? span : null;

    public void Failed(Exception exception)
    {
        _error = exception.GetType().FullName;
        _activity?.SetStatus(ActivityStatusCode.Error, exception.Message);
        _activity?.SetTag("error.type", _error);
    }

    public void Dispose()
    {
        _activity?.Dispose();
        if (!BusMetrics.ProcessDuration.Enabled)
        {
            return;
        }

        var tags = new TagList
        {
            { "messaging.system", "kafka" },
            { "messaging.operation.name", "process" },
            { "messaging.destination.name", _topic },
            { "messaging.consumer.group.name", _consumer.Group },
            BusMetrics.ConsumerTag(_consumer.Name),
        };
        if (_error is not null)
        {
            tags.Add("error.type", _error);
        }

        BusMetrics.ProcessDuration.Record(Stopwatch.GetElapsedTime(_started).TotalSeconds, tags);
    }

    private static ActivityLink[]? LinksOf(ActivityContext parent, int replayCount) => replayCount > 0 && parent != default
        ? [new ActivityLink(parent, new ActivityTagsCollection { { ReplayCount, replayCount } })]
        : null;

    private static Activity? Unrecorded(ActivityContext parent)
    {
        if (parent == default)
        {
            return null;
        }

        var activity = new Activity("process").SetParentId(parent.TraceId, parent.SpanId, parent.TraceFlags);
        activity.TraceStateString = parent.TraceState;
        return activity.Start();
    }

    private static void Describe(Activity activity, IncomingRecord record, ConsumerSettings consumer)
    {
        Describe(activity, record.Topic, record.Partition, consumer);
        activity.SetTag("messaging.kafka.offset", record.Offset);
        activity.SetTag("messaging.message.id", record.Headers[Headers.Id]);
        if (record.Key is { } key && Utf8.IsValid(key))
        {
            activity.SetTag("messaging.kafka.message.key", Encoding.UTF8.GetString(key));
        }

        if (record.Value is { } value)
        {
            activity.SetTag("messaging.message.body.size", value.Length);
        }
        else
        {
            activity.SetTag("messaging.kafka.message.tombstone", true);
        }
    }

    private static void Describe(Activity activity, string topic, int partition, ConsumerSettings consumer)
    {
        activity.SetTag("messaging.system", "kafka");
        activity.SetTag("messaging.operation.name", "process");
        activity.SetTag("messaging.operation.type", "process");
        activity.SetTag("messaging.destination.name", topic);
        activity.SetTag("messaging.destination.partition.id", partition.ToString(CultureInfo.InvariantCulture));
        activity.SetTag("messaging.consumer.group.name", consumer.Group);
        activity.SetTag("cuckoo.eventbus.consumer", consumer.Name);
    }
}
