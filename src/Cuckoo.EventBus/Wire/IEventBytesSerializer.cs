namespace Cuckoo.EventBus;

/// <summary>Turns the events of a topic into bytes and back, instead of the bus's JSON: Avro, Protobuf, a schema registry.</summary>
/// <remarks>Called from several threads at once.</remarks>
public interface IEventBytesSerializer
{
    /// <summary>Writes an event.</summary>
    /// <param name="event">The event.</param>
    /// <param name="topic">The topic it goes to, with the prefix.</param>
    /// <returns>The record's value.</returns>
    byte[] Serialize(object @event, string topic);

    /// <summary>Reads an event. An exception dead-letters the record.</summary>
    /// <param name="value">The record's value.</param>
    /// <param name="type">The registered type to read it as.</param>
    /// <param name="topic">The topic it comes from, with the prefix.</param>
    /// <returns>An instance of <paramref name="type"/>.</returns>
    object Deserialize(ReadOnlySpan<byte> value, Type type, string topic);
}
