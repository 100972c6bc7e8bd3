namespace Cuckoo.EventBus.Storage;

/// <summary>When a row is tried again: exponential, with jitter so that many rows do not come back at once.</summary>
internal static class RetrySchedule
{
    /// <param name="attempts">Attempts before this one, from 0.</param>
    /// <param name="first">The first pause.</param>
    /// <param name="longest">The longest pause.</param>
    public static TimeSpan Delay(int attempts, TimeSpan first, TimeSpan longest)
    {
        // 2^30 of any first pause is beyond any sensible longest one, and within a double.
        var doubled = Math.Min(first.TotalSeconds * Math.Pow(2, Math.Min(attempts, 30)), longest.TotalSeconds);
        return TimeSpan.FromSeconds(doubled * (0.75 + (Random.Shared.NextDouble() / 2)));
    }
}
