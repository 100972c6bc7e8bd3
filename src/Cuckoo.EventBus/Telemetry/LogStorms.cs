using Microsoft.Extensions.Logging;

namespace Cuckoo.EventBus.Telemetry;

/// <summary>
/// Lets the first lines of each kind pass in an interval, and says at its end how many more there were: as many lines as there are
/// kinds of trouble, however many records are in it. Safe for concurrent use: what is counted is read and changed under one lock, a
/// line is written outside of it.
/// </summary>
internal sealed class LogStorms(TimeProvider time) : IDisposable
{
    /// <summary>Enough to see whether it is one record or all of them, and what they have in common.</summary>
    public const int Lines = 10;

    /// <summary>A storm that lasts is so told of about as often as a person looks.</summary>
    public static readonly TimeSpan Interval = TimeSpan.FromMinutes(1);

    /// <summary>Some hundred bytes each. Further kinds are told together with all others of the same event id.</summary>
    private const int MaxKinds = 1000;

    private readonly Lock _lock = new();
    private readonly Dictionary<LineKind, Storm> _storms = [];
    private bool _isDisposed;

    /// <summary>Whether a line is to be written; if not, it is counted, and told of by the end of the interval.</summary>
    public bool Passes<TState>(ILogger logger, LogLevel level, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter)
    {
        var kind = LineKind.Of(level, eventId, state, exception);
        lock (_lock)
        {
            var storm = StormOf(kind);
            storm.Count++;
            if (storm.Count <= Lines || _isDisposed)
            {
                return true;
            }

            if (storm.Count == Lines + 1)
            {
                storm.Breaks(logger, formatter(state, exception), TimerOf(storm));
            }

            return false;
        }
    }

    /// <summary>Says what was counted so far; from then on all lines pass.</summary>
    public void Dispose()
    {
        List<Storm> last;
        lock (_lock)
        {
            _isDisposed = true;
            last = [.. _storms.Values];
            _storms.Clear();
        }

        foreach (var storm in last)
        {
            Tell(storm);
        }
    }

    private Storm StormOf(LineKind kind)
    {
        if (_storms.TryGetValue(kind, out var storm) && !IsOver(storm))
        {
            return storm;
        }

        if (_storms.Count >= MaxKinds && storm is null)
        {
            foreach (var (past, _) in _storms.Where(pair => IsOver(pair.Value)).ToList())
            {
                _storms.Remove(past);
            }

            // There are not many event ids, so the places for these are bounded too.
            return _storms.Count < MaxKinds || kind == kind.Any() ? _storms[kind] = NewStorm(kind) : StormOf(kind.Any());
        }

        return _storms[kind] = NewStorm(kind);
    }

    private Storm NewStorm(LineKind kind) => new(kind, time.GetTimestamp());

    /// <summary>Whether another interval begins with the next line. One that has lines to tell of ends by its timer.</summary>
    private bool IsOver(Storm storm) => storm.Count <= Lines && time.GetElapsedTime(storm.Began) >= Interval;

    private ITimer TimerOf(Storm storm)
    {
        // The timer must not take the scope and the trace of the record along that happened to be the first one too many.
        if (ExecutionContext.IsFlowSuppressed())
        {
            return NewTimer();
        }

        using (ExecutionContext.SuppressFlow())
        {
            return NewTimer();
        }

        ITimer NewTimer()
        {
            var left = Interval - time.GetElapsedTime(storm.Began);
            return time.CreateTimer(_ => End(storm), null, left > TimeSpan.Zero ? left : TimeSpan.Zero, Timeout.InfiniteTimeSpan);
        }
    }

    private void End(Storm storm)
    {
        lock (_lock)
        {
            if (!_storms.TryGetValue(storm.Kind, out var current) || current != storm)
            {
                return;
            }

            _storms.Remove(storm.Kind);
        }

        Tell(storm);
    }

    private void Tell(Storm storm)
    {
        storm.Timer?.Dispose();
        if (storm.Logger is { } logger)
        {
            var seconds = time.GetElapsedTime(storm.Began).TotalSeconds;
            StormLog.More(logger, storm.Kind.Level, storm.Count - Lines, seconds, storm.Kind.EventId, storm.Text);
        }
    }

    /// <summary>The lines of one kind in one interval, under the lock until it is taken out of the list.</summary>
    private sealed class Storm(LineKind kind, long began)
    {
        public LineKind Kind => kind;

        public long Began => began;

        public int Count { get; set; }

        /// <summary>Who writes what was held back; <see langword="null"/> while that is nothing.</summary>
        public ILogger? Logger { get; private set; }

        /// <summary>The first line that was held back.</summary>
        public string Text { get; private set; } = "";

        public ITimer? Timer { get; private set; }

        public void Breaks(ILogger logger, string text, ITimer timer) => (Logger, Text, Timer) = (logger, text, timer);
    }
}
