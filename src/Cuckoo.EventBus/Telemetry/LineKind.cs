using Microsoft.Extensions.Logging;

namespace Cuckoo.EventBus.Telemetry;

/// <summary>What makes log lines the same to a person: they say the same of the same part of the service, for the same reason.</summary>
/// <param name="Level">A warning must not use up what an error may say.</param>
/// <param name="EventId">What is said.</param>
/// <param name="About">Of whom, and why where that is no exception: the values of <see cref="Distinctive"/>.</param>
/// <param name="Exception">Why: the types of the exception and of its first cause, never their texts, of which each may be another.</param>
internal readonly record struct LineKind(LogLevel Level, int EventId, string About, string Exception)
{
    /// <summary>
    /// The names of values by which the bus's lines differ in kind. Not the client's, which has another number each time it is made
    /// anew, not librdkafka's reasons, which tell how many milliseconds it took, and not the event's, the offset's or the row's: they
    /// are what a storm has many of.
    /// </summary>
    private static readonly string[] Distinctive = ["Consumer", "Group", "Database", "Context", "Topic", "EventType", "Facility", "Code", "Error"];

    public static LineKind Of<TState>(LogLevel level, EventId eventId, TState state, Exception? exception)
    {
        var about = "";
        if (state is IReadOnlyList<KeyValuePair<string, object?>> values)
        {
            for (var i = 0; i < values.Count; i++)
            {
                if (Array.IndexOf(Distinctive, values[i].Key) >= 0)
                {
                    about = $"{about}{values[i].Key}={values[i].Value};";
                }
            }
        }

        return new LineKind(level, eventId.Id, about, exception is null ? "" : $"{exception.GetType()} {exception.GetBaseException().GetType()}");
    }

    /// <summary>All lines of this event, whoever they are about.</summary>
    public LineKind Any() => new(Level, EventId, "", "");
}
