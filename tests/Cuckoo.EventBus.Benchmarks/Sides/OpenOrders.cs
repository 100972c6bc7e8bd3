using System.Collections.Concurrent;
using System.Diagnostics;

namespace Cuckoo.EventBus.Benchmarks.Sides;

/// <summary>The orders under way, and how long each took: from the call of its COMMIT to its confirmation's handler.</summary>
internal sealed class OpenOrders
{
    private readonly ConcurrentDictionary<Guid, (long Since, TaskCompletionSource<double> Done)> _orders = new();

    /// <returns>Ends with the confirmation: milliseconds.</returns>
    public Task<double> Placed(Guid order)
    {
        var done = new TaskCompletionSource<double>(TaskCreationOptions.RunContinuationsAsynchronously);
        _orders[order] = (Stopwatch.GetTimestamp(), done);
        return done.Task;
    }

    public void Confirmed(Guid order)
    {
        if (_orders.TryRemove(order, out var open))
        {
            open.Done.SetResult(Stopwatch.GetElapsedTime(open.Since).TotalMilliseconds);
        }
    }
}
