namespace Cuckoo.EventBus.DeadLetters;

/// <summary>Keeps a replay below so many records a second, from its beginning on.</summary>
internal sealed class ReplayPace(double? maxPerSecond, TimeProvider time)
{
    private readonly long _started = time.GetTimestamp();

    /// <summary>How many records a part may have, so that none holds more than a second's.</summary>
    public int PartSize(int most) => maxPerSecond is { } rate ? (int)Math.Clamp(rate, 1, most) : most;

    /// <summary>Waits until the next part is due.</summary>
    /// <param name="done">Records so far.</param>
    /// <param name="ct">Ends the wait.</param>
    public async Task NextAsync(long done, CancellationToken ct)
    {
        // A part comes when all before it have had their time, and is within a second's: never more in any second than the rate and one part.
        if (maxPerSecond is { } rate && TimeSpan.FromSeconds(done / rate) - time.GetElapsedTime(_started) is var wait && wait > TimeSpan.Zero)
        {
            await Task.Delay(wait, time, ct).ConfigureAwait(false);
        }
    }
}
