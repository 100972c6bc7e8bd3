using System.Diagnostics;

namespace Cuckoo.EventBus.Chaos;

/// <summary>Waits for conditions, within limits.</summary>
internal static class Patience
{
    private static readonly TimeSpan Poll = TimeSpan.FromMilliseconds(100);

    /// <returns>Whether it came true in time.</returns>
    public static Task<bool> WithinAsync(TimeSpan limit, Func<bool> condition, CancellationToken ct) => WithinAsync(limit, () => Task.FromResult(condition()), ct);

    /// <inheritdoc cref="WithinAsync(TimeSpan, Func{bool}, CancellationToken)"/>
    public static async Task<bool> WithinAsync(TimeSpan limit, Func<Task<bool>> condition, CancellationToken ct)
    {
        var clock = Stopwatch.StartNew();
        while (!await condition())
        {
            if (clock.Elapsed > limit)
            {
                return false;
            }

            await Task.Delay(Poll, ct);
        }

        return true;
    }
}
