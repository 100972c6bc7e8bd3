namespace Cuckoo.EventBus.Outbox;

/// <summary>When a rejected row is tried again: exponential, with jitter so that many rows do not come back at once.</summary>
internal static class RetrySchedule
{
    /// <param name="attempts">Attempts before this one, from 0.</param>
    /// <param name="options">The first and the longest pause.</param>
    public static TimeSpan Delay(int attempts, RelayOptions options)
    {
        // 2^30 of any first pause is beyond any sensible longest one, and within a double.
        var doubled = options.RetryDelay * Math.Pow(2, Math.Min(attempts, 30));
        var longest = doubled < options.MaxRetryDelay ? doubled : options.MaxRetryDelay;
        return longest * (0.75 + (Random.Shared.NextDouble() / 2));
    }
}
