using System.Text;
using System.Text.Json;

namespace Samples.Tests.Observing;

/// <summary>One trace as Jaeger's query API tells it.</summary>
internal sealed class JaegerTrace(IReadOnlyList<JaegerSpan> spans)
{
    /// <summary>In the order of their beginnings.</summary>
    public IReadOnlyList<JaegerSpan> Spans { get; } = spans;

    /// <param name="trace">An element of the answer's <c>data</c>.</param>
    /// <param name="prefix">What the names of services and topics begin with.</param>
    public static JaegerTrace Of(JsonElement trace, string prefix) =>
        new([.. trace.GetProperty("spans").EnumerateArray().Select(span => SpanOf(span, trace.GetProperty("processes"), prefix)).OrderBy(span => span.Start)]);

    /// <summary>The spans of a name, by the words of <see cref="JaegerSpan.ToString"/>.</summary>
    public IReadOnlyList<JaegerSpan> Named(string name) => [.. Spans.Where(span => span.ToString() == name)];

    /// <summary>The spans of requests and events, each below its parent, siblings in alphabetical order; a database's are left out.</summary>
    public override string ToString()
    {
        var shown = Spans.Where(span => span.IsOfTheOrder).ToList();
        var text = new StringBuilder();
        foreach (var root in shown.Where(span => !shown.Exists(other => other.Id == span.Parent)))
        {
            Append(root, depth: 0);
        }

        return text.ToString();

        void Append(JaegerSpan span, int depth)
        {
            text.Append(' ', depth * 2).Append(span).Append('\n');
            foreach (var child in shown.Where(other => other.Parent == span.Id).OrderBy(child => child.ToString(), StringComparer.Ordinal))
            {
                Append(child, depth + 1);
            }
        }
    }

    private static JaegerSpan SpanOf(JsonElement span, JsonElement processes, string prefix)
    {
        var start = DateTimeOffset.UnixEpoch.AddMicroseconds(span.GetProperty("startTime").GetInt64());
        return new JaegerSpan(
            span.GetProperty("spanID").GetString()!,
            // Of a parent that is linked to as well Jaeger keeps the link only.
            References("CHILD_OF").Concat(References("FOLLOWS_FROM")).FirstOrDefault(),
            [.. References("FOLLOWS_FROM")],
            WithoutPrefix(processes.GetProperty(span.GetProperty("processID").GetString()!).GetProperty("serviceName")),
            WithoutPrefix(span.GetProperty("operationName")),
            start,
            start.AddMicroseconds(span.GetProperty("duration").GetInt64()),
            Fields(span.GetProperty("tags")),
            [.. span.GetProperty("logs").EnumerateArray().Select(log => Fields(log.GetProperty("fields")))]);

        string WithoutPrefix(JsonElement name) => name.GetString()!.Replace(prefix, "", StringComparison.Ordinal);

        IEnumerable<string> References(string type) => span.GetProperty("references").EnumerateArray()
            .Where(reference => reference.GetProperty("refType").GetString() == type).Select(reference => reference.GetProperty("spanID").GetString()!);
    }

    private static Dictionary<string, string> Fields(JsonElement fields) =>
        fields.EnumerateArray().ToDictionary(field => field.GetProperty("key").GetString()!, field => field.GetProperty("value").ToString());
}
