using System.Security.Cryptography;
using System.Text;
using System.Text.Json.Serialization;

namespace Cuckoo.EventBus;

/// <summary>Something that happened in a service and that other services may want to know.</summary>
/// <remarks>
/// Derive a <see langword="record"/> per event and name it with <see cref="EventAttribute"/>. The value on the wire is the
/// JSON of the derived record's properties and <see cref="OccurredAt"/>; <see cref="EventId"/> and
/// <see cref="PartitionKey"/> travel outside it. Instances are immutable once published and safe to share between threads.
/// </remarks>
public abstract record DomainEvent
{
    private Guid _eventId;
    private DateTimeOffset _occurredAt;
    private bool _stampedByPublisher;

    /// <summary>Creates an event with a new <see cref="EventId"/>.</summary>
    protected DomainEvent() => _eventId = UniqueId.New();

    /// <summary>Copies an event by <c>with</c>: the copy is another event, so it gets an identity of its own.</summary>
    /// <param name="original">The event that is copied.</param>
    /// <remarks>
    /// With the identity of its original the copy would be dropped by every consumer's inbox as a repeat of it. An
    /// <see cref="OccurredAt"/> that the publisher stamped stays behind too; one that the application set is copied.
    /// </remarks>
    protected DomainEvent(DomainEvent original)
    {
        ArgumentNullException.ThrowIfNull(original);
        _eventId = UniqueId.New();
        _occurredAt = original._stampedByPublisher ? default : original._occurredAt;
    }

    /// <summary>The event's identity (UUID version 7, RFC 9562), unique per instance and the same in every delivery.</summary>
    /// <remarks>
    /// Travels as the CloudEvents attribute <c>id</c> (header <c>ce_id</c>), not in the JSON. On arrival it is the envelope's
    /// id; where a foreign id is not a UUID, it is a UUID derived from the event's source and id (RFC 9562, version 8), and
    /// <see cref="EventContext.EventId"/> has the original text.
    /// </remarks>
    [JsonIgnore]
    public Guid EventId
    {
        get => _eventId;
        init => _eventId = value;
    }

    /// <summary>When it happened. Default: the time of publishing, by the publisher's <see cref="TimeProvider"/>.</summary>
    /// <remarks>On arrival from a publisher that sends none: the record's Kafka timestamp.</remarks>
    public DateTimeOffset OccurredAt
    {
        get => _occurredAt;
        init => _occurredAt = value;
    }

    /// <summary>
    /// Events of one topic with the same key stay in order. Default: <see langword="null"/>, which promises no order.
    /// </summary>
    /// <remarks>Usually the id of the aggregate. Sent as the Kafka record's key, in UTF-8.</remarks>
    [JsonIgnore]
    public virtual string? PartitionKey => null;

    /// <summary>Sets <see cref="OccurredAt"/> unless the application did.</summary>
    internal void StampOccurredAt(DateTimeOffset now)
    {
        if (_occurredAt == default)
        {
            _occurredAt = now;
            _stampedByPublisher = true;
        }
    }

    /// <summary>Gives a deserialised event the identity its envelope carries, and a time where the sender gave none.</summary>
    internal void Arrived(string source, string id, DateTimeOffset recordTimestamp)
    {
        StampOccurredAt(recordTimestamp);
        _eventId = Guid.TryParse(id, out var uuid) ? uuid : Derive(source, id);
    }

    /// <summary>A UUID of version 8 (RFC 9562, section 5.8) from a hash of an identity that is not a UUID itself.</summary>
    private static Guid Derive(string source, string id)
    {
        Span<byte> hash = stackalloc byte[SHA256.HashSizeInBytes];
        SHA256.HashData(Encoding.UTF8.GetBytes(string.Concat(source, "\n", id)), hash);
        hash[6] = (byte)((hash[6] & 0x0F) | 0x80);
        hash[8] = (byte)((hash[8] & 0x3F) | 0x80);
        return new Guid(hash[..16], bigEndian: true);
    }
}
