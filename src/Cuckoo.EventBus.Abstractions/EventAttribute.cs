namespace Cuckoo.EventBus;

/// <summary>Names an event type on the wire and the topic it belongs to.</summary>
/// <param name="name">
/// The name that travels with every event of this type, as CloudEvents attribute <c>type</c> (header <c>ce_type</c>), for
/// instance <c>order.created</c>. Never derived from the CLR type, so classes can be renamed and moved. A breaking change of
/// the contents is a new name (<c>order.created.v2</c>) with a type of its own.
/// </param>
[AttributeUsage(AttributeTargets.Class, Inherited = false)]
public sealed class EventAttribute(string name) : Attribute
{
    /// <summary>The event type's name on the wire.</summary>
    public string Name { get; } = name;

    /// <summary>The topic that events of this type are published to and consumed from, without any prefix. Required.</summary>
    public string Topic { get; set; } = "";

    /// <summary>How properties are named in the JSON. Default: <see cref="EventNaming.CamelCase"/>.</summary>
    public EventNaming Naming { get; set; }

    /// <summary>
    /// Whether records of the topic that carry no <c>ce_type</c> header are of this type, for topics that others write to.
    /// Default: <see langword="false"/>. One type per topic may say so.
    /// </summary>
    public bool IsTopicDefault { get; set; }
}
