namespace Samples.Tests.Observing;

/// <summary>One span as Jaeger has it.</summary>
/// <param name="Id">Its id.</param>
/// <param name="Parent">Its parent's id; <see langword="null"/> for the first of a trace.</param>
/// <param name="Links">The ids of the spans that it is linked to.</param>
/// <param name="Service">Who sent it, without the test's prefix.</param>
/// <param name="Name">Its name, without the test's prefix.</param>
/// <param name="Start">When it began.</param>
/// <param name="End">When it ended.</param>
/// <param name="Tags">Its attributes.</param>
/// <param name="Events">The attributes of its events.</param>
internal sealed record JaegerSpan(
    string Id,
    string? Parent,
    IReadOnlyList<string> Links,
    string Service,
    string Name,
    DateTimeOffset Start,
    DateTimeOffset End,
    IReadOnlyDictionary<string, string> Tags,
    IReadOnlyList<IReadOnlyDictionary<string, string>> Events)
{
    public string? this[string tag] => Tags.GetValueOrDefault(tag);

    /// <summary>Of a request or of the bus, rather than of the database.</summary>
    public bool IsOfTheOrder => this["messaging.system"] is not null || this["span.kind"] == "server";

    /// <summary>Who does what, and what became of it if that is not the usual end.</summary>
    public override string ToString() => string.Concat(
        $"{Service}: {Name}",
        this["cuckoo.eventbus.consumer"] is { } consumer ? $" by {consumer}" : "",
        this["cuckoo.eventbus.outcome"] is { } outcome ? $", {outcome}" : "");
}
