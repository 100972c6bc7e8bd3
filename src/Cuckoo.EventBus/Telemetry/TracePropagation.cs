using System.Diagnostics;
using System.Text;
using Cuckoo.EventBus.Wire;

namespace Cuckoo.EventBus.Telemetry;

/// <summary>W3C Trace Context and Baggage in a record's headers. Works without an OpenTelemetry SDK.</summary>
internal static class TracePropagation
{
    /// <summary>W3C Baggage, section 3.3.2: what every implementation must carry.</summary>
    private const int MaxBaggageBytes = 8192;

    public static void Inject(Activity? activity, EventHeaders headers)
    {
        if (activity is not { IdFormat: ActivityIdFormat.W3C, Id: { } id })
        {
            return;
        }

        headers.Add(Headers.TraceParent, id);
        if (!string.IsNullOrEmpty(activity.TraceStateString))
        {
            headers.Add(Headers.TraceState, activity.TraceStateString);
        }

        var baggage = string.Join(',', activity.Baggage.Select(item => $"{Uri.EscapeDataString(item.Key)}={Uri.EscapeDataString(item.Value ?? "")}"));
        if (baggage.Length > 0 && Encoding.UTF8.GetByteCount(baggage) <= MaxBaggageBytes)
        {
            headers.Add(Headers.Baggage, baggage);
        }
    }

    /// <summary>The trace a record belongs to; <c>default</c> where the header is missing or malformed.</summary>
    public static ActivityContext Extract(EventHeaders headers) =>
        headers[Headers.TraceParent] is { } parent && ActivityContext.TryParse(parent, headers[Headers.TraceState], isRemote: true, out var context) ? context : default;

    /// <summary>The baggage of a record; malformed members are left out.</summary>
    public static IEnumerable<KeyValuePair<string, string>> Baggage(EventHeaders headers)
    {
        foreach (var member in (headers[Headers.Baggage] ?? "").Split(',', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries))
        {
            var pair = member.Split(';')[0].Split('=', 2);
            if (pair.Length == 2 && pair[0].Trim().Length > 0)
            {
                yield return new(Uri.UnescapeDataString(pair[0].Trim()), Uri.UnescapeDataString(pair[1].Trim()));
            }
        }
    }
}
