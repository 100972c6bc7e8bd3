using System.Diagnostics;
using Cuckoo.EventBus.Telemetry;
using Cuckoo.EventBus.Wire;

namespace Cuckoo.EventBus.Kafka;

/// <summary>
/// The span of sending one row of an outbox, from the producer to the broker's answer: a child of the event's own span, so that the
/// time in the outbox lies before it and the time in Kafka behind it. It is made when it ends, with the time it began, since the
/// relay has thousands of rows under way and none of them may be its current one.
/// </summary>
internal sealed class SendSpan
{
    private readonly ActivityContext _parent;
    private readonly string _topic;
    private readonly string? _eventId;
    private readonly byte[]? _key;
    private readonly int? _bodySize;
    private readonly DateTimeOffset _began;
    private readonly TimeProvider _time;

    private SendSpan(ActivityContext parent, string topic, string? eventId, byte[]? key, int? bodySize, TimeProvider time)
    {
        _time = time;
        _began = time.GetUtcNow();
        _parent = parent;
        _topic = topic;
        _eventId = eventId;
        _key = key;
        _bodySize = bodySize;
    }

    /// <summary>Begins with the row's sending.</summary>
    /// <returns><see langword="null"/> where nobody listens, and where the event belongs to no trace or to one that is not sampled.</returns>
    /// <param name="topic">The row's topic.</param>
    /// <param name="key">Its key.</param>
    /// <param name="payload">Its payload.</param>
    /// <param name="headers">Its headers, as <see cref="HeaderBlock"/> writes them; of other bytes, which the producer refuses, there is no span.</param>
    /// <param name="time">The clock.</param>
    public static SendSpan? Begin(string topic, byte[]? key, byte[]? payload, byte[] headers, TimeProvider time)
    {
        try
        {
            if (!BusMetrics.Source.HasListeners() || !IsSampled(headers))
            {
                return null;
            }

            var all = HeaderBlock.Read(headers);
            return TracePropagation.Extract(all) is var parent && parent != default ? new SendSpan(parent, topic, all[Headers.Id], key, payload?.Length, time) : null;
        }
        catch (FormatException)
        {
            return null;
        }
    }

    public void End(SendResult result)
    {
        using var span = BusMetrics.Source.StartActivity(
            ActivityKind.Client, _parent, PublishSpan.Tags("send", _topic), links: null, _began, $"send {_topic}");
        span?.SetEndTime(_time.GetUtcNow().UtcDateTime);
        if (span is not { IsAllDataRequested: true })
        {
            return;
        }

        span.SetTag("messaging.message.id", _eventId);
        PublishSpan.SetRecord(span, _key, _bodySize);
        if (!result.IsAcknowledged)
        {
            span.SetStatus(ActivityStatusCode.Error, result.Error);
            span.SetTag("error.type", result.ErrorType);
        }
    }

    /// <summary>W3C Trace Context, section 3.2.2: version 00 has 55 characters, and the last bit says it. Of most rows nothing else is read.</summary>
    private static bool IsSampled(byte[] headers)
    {
        for (var each = HeaderBlock.Enumerate(headers); each.MoveNext();)
        {
            if (each.Name == Headers.TraceParent)
            {
                return each.Value.Length >= 55 && each.Value[54] is (byte)'1' or (byte)'3' or (byte)'5' or (byte)'7' or (byte)'9' or (byte)'b' or (byte)'d' or (byte)'f';
            }
        }

        return false;
    }
}
