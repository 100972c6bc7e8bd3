using System.Collections.Concurrent;
using System.Diagnostics;

namespace Cuckoo.EventBus.TestKit;

/// <summary>
/// The bus's spans of some traces, and those linked to them. Of all other traces, which are those of tests that run meanwhile, it
/// has nothing recorded.
/// </summary>
public sealed class TraceSpans : IDisposable
{
    private readonly ConcurrentQueue<Activity> _ended = [];
    private readonly ActivityListener _listener;

    public TraceSpans(params IReadOnlyCollection<ActivityTraceId> traces)
    {
        _listener = new ActivityListener
        {
            ShouldListenTo = source => source.Name == "Cuckoo.EventBus",
            Sample = (ref ActivityCreationOptions<ActivityContext> options) =>
                traces.Contains(options.Parent.TraceId) || (options.Links ?? []).Any(link => traces.Contains(link.Context.TraceId))
                    ? ActivitySamplingResult.AllDataAndRecorded
                    : ActivitySamplingResult.None,
            // Of spans that another listener wants they are told too.
            ActivityStopped = span =>
            {
                if (traces.Contains(span.TraceId) || span.Links.Any(link => traces.Contains(link.Context.TraceId)))
                {
                    _ended.Enqueue(span);
                }
            },
        };
        ActivitySource.AddActivityListener(_listener);
    }

    /// <summary>Those that have ended, in the order of their ends.</summary>
    public IReadOnlyList<Activity> Ended => [.. _ended];

    /// <summary>Those of an operation (<c>create</c>, <c>send</c>, <c>process</c>), as soon as there are so many.</summary>
    public async Task<IReadOnlyList<Activity>> OfAsync(string operation, int count = 1)
    {
        var spans = await Eventually.Until(
            () => Task.FromResult(Ended.Where(span => (string?)span.GetTagItem("messaging.operation.name") == operation).ToList()),
            found => found.Count >= count,
            what: $"spans of operation {operation}");
        return spans.Count == count ? spans : throw new InvalidOperationException($"There are {spans.Count} spans of operation {operation} instead of {count}.");
    }

    public void Dispose() => _listener.Dispose();
}
