using System.Text;
using System.Text.Unicode;

namespace Cuckoo.EventBus.Wire;

/// <summary>What a record says: its event's identity, with a value for what it leaves out, and the event itself if it can be read.</summary>
internal sealed class IncomingEvent
{
    private object? _firstInstance;

    private IncomingEvent(IncomingRecord record, EventType? type, string typeName)
    {
        Record = record;
        Type = type;
        TypeName = typeName;
        (Source, StoredSource) = Text(record.Headers.GetBytes(Headers.Source)) ?? (record.Topic, EventId.Storable(record.Topic));
    }

    public IncomingRecord Record { get; }

    /// <summary><see langword="null"/> where nobody here knows it.</summary>
    public EventType? Type { get; }

    /// <summary>As the record, or else the topic's default, says; empty where neither does.</summary>
    public string TypeName { get; }

    public string Source { get; }

    /// <summary>The source as the tables hold it.</summary>
    public string StoredSource { get; }

    public string Id { get; private set; } = "";

    /// <summary>The id as the tables hold it.</summary>
    public string StoredId { get; private set; } = "";

    /// <summary>Why the event can't be read. Trying again would not help.</summary>
    public Exception? Unreadable { get; private set; }

    public static IncomingEvent Read(IncomingRecord record, EventType? type, string typeName)
    {
        var incoming = new IncomingEvent(record, type, typeName);
        try
        {
            incoming._firstInstance = incoming.Deserialize();
            incoming.Identify(type?.MappedId?.Invoke(incoming._firstInstance));
            (incoming._firstInstance as DomainEvent)?.Arrived(incoming.Source, incoming.Id, record.Timestamp);
        }
        catch (Exception e)
        {
            // The serializer and the id's function are the user's: whatever they throw is about these bytes.
            incoming.Unreadable = e;
            incoming.Identify(mappedId: null);
        }

        return incoming;
    }

    /// <summary>The event, another instance at each call: what one attempt changes in it, no other one sees.</summary>
    public object NextInstance()
    {
        if (Interlocked.Exchange(ref _firstInstance, null) is { } first)
        {
            return first;
        }

        var instance = Deserialize();
        (instance as DomainEvent)?.Arrived(Source, Id, Record.Timestamp);
        return instance;
    }

    /// <summary>A header's text and the form in which it can be stored; nothing where it is missing or empty.</summary>
    private static (string Text, string Stored)? Text(byte[]? header)
    {
        if (header is not { Length: > 0 })
        {
            return null;
        }

        var text = Encoding.UTF8.GetString(header);
        // As text, different broken bytes would all become U+FFFD and one identity.
        return (text, Utf8.IsValid(header) ? EventId.Storable(text) : EventId.Hash(header));
    }

    private void Identify(string? mappedId)
    {
        (Id, StoredId) = Text(Record.Headers.GetBytes(Headers.Id)) ?? (string.IsNullOrEmpty(mappedId) ? OfRecord() : (mappedId, EventId.Storable(mappedId)));

        (string, string) OfRecord()
        {
            var id = EventId.OfRecord(Record.Topic, Record.Partition, Record.Offset, Record.Timestamp, Record.Key, Record.Value);
            return (id, id);
        }
    }

    private object Deserialize()
    {
        if (Type is null)
        {
            throw TypeName.Length == 0
                ? new EventBusException($"The record has no {Headers.Type} header, and topic '{Record.Topic}' has no default event type. Set IsTopicDefault on the type that such records are.")
                : new UnknownEventTypeException(TypeName, Record.Topic);
        }

        if (Record.Value is null)
        {
            throw new EventBusException($"The record has no value (a tombstone); {Type.Name} can't be read from it.");
        }

        var instance = Type.Serializer.Deserialize(Record.Value, Type.ClrType, Record.Topic);
        return Type.ClrType.IsInstanceOfType(instance)
            ? instance
            : throw new EventBusException($"The serializer of topic '{Record.Topic}' returned {instance?.GetType().Name ?? "null"} for {Type.Name}, not a {Type.ClrType.Name}.");
    }
}
