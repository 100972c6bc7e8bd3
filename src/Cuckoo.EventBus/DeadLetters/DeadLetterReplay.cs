namespace Cuckoo.EventBus;

/// <summary>How dead letters are replayed.</summary>
public sealed record DeadLetterReplay
{
    /// <summary>
    /// How many go to their consumers in a second, at most, on average. Default: <see langword="null"/>, as many as the database
    /// takes; the consumer's <see cref="ConsumerOptions.Concurrency"/> limits how many of them run at a time.
    /// </summary>
    /// <exception cref="ArgumentOutOfRangeException">The value is not more than 0.</exception>
    public double? MaxPerSecond
    {
        get;
        init
        {
            if (value is { } rate)
            {
                ArgumentOutOfRangeException.ThrowIfNegativeOrZero(rate);
                ArgumentOutOfRangeException.ThrowIfEqual(rate, double.NaN);
            }

            field = value;
        }
    }
}
