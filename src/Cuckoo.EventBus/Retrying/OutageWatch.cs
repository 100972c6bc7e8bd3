using System.Diagnostics.CodeAnalysis;

namespace Cuckoo.EventBus.Retrying;

/// <summary>
/// Whether one database, or the broker, answers, asked on behalf of all consumers that need it. When it does not, they are
/// paused, and one question at a time finds out when they may go on. Safe for concurrent use.
/// </summary>
/// <param name="reason">What its absence is.</param>
/// <param name="name">How people know it.</param>
/// <param name="ask">An independent question; <see langword="null"/> when it is answered, else why not. Ends in bounded time and does not throw.</param>
/// <param name="time">The clock.</param>
[SuppressMessage("Design", "CA1001", Justification = "Without a timer the source holds nothing to free, and probes may outlive the watch's owner.")]
internal sealed class OutageWatch(PauseReason reason, string name, Func<CancellationToken, Task<string?>> ask, TimeProvider time)
{
    private static readonly TimeSpan FirstDelay = TimeSpan.FromMilliseconds(200);

    /// <summary>Long enough to spare a server that comes back, short enough not to be noticed after it.</summary>
    private static readonly TimeSpan LongestDelay = TimeSpan.FromSeconds(5);

    private readonly Lock _lock = new();
    private readonly HashSet<ConsumerGate> _users = [];
    private readonly CancellationTokenSource _stop = new();
    private Task<string?>? _question;
    private long? _lastEnd;
    private string? _outage;

    /// <summary>A consumer that pauses with every outage, also one that others notice.</summary>
    public void Add(ConsumerGate gate)
    {
        lock (_lock)
        {
            _users.Add(gate);
        }
    }

    /// <summary>Whether it has to be assumed that an attempt failed because of an outage. If there is one, its consumers are paused.</summary>
    /// <param name="gate">The attempt's consumer.</param>
    /// <param name="began">When the attempt began, as a timestamp of the clock.</param>
    /// <param name="ct">Ends the waiting for an answer.</param>
    public async ValueTask<bool> ExplainsAsync(ConsumerGate gate, long began, CancellationToken ct)
    {
        while (true)
        {
            Task<string?> question;
            bool isOwn;
            lock (_lock)
            {
                _users.Add(gate);
                if (_outage is { } outage)
                {
                    gate.Pause(reason, outage);
                    return true;
                }

                if (_lastEnd >= began)
                {
                    return true;
                }

                isOwn = _question is not { IsCompleted: false };
                question = isOwn ? _question = AskAsync() : _question!;
            }

            if (await question.WaitAsync(ct).ConfigureAwait(false) is not null)
            {
                return true;
            }

            // An answer to a question from before the failure may be older than what caused it.
            if (isOwn)
            {
                return false;
            }
        }
    }

    public void Stop() => _stop.Cancel();

    /// <summary>On a thread of its own from the start: who asks holds the lock.</summary>
    private Task<string?> AskAsync() => Task.Run(
        async () =>
        {
            var outage = await ask(_stop.Token).ConfigureAwait(false);
            if (outage is not null && !_stop.IsCancellationRequested)
            {
                Begin($"{name} does not answer: {outage}");
            }

            return outage;
        },
        CancellationToken.None);

    private void Begin(string outage)
    {
        lock (_lock)
        {
            if (_outage is not null)
            {
                return;
            }

            _outage = outage;
            foreach (var gate in _users)
            {
                gate.Pause(reason, outage);
            }
        }

        _ = Task.Run(WaitForEndAsync, CancellationToken.None);
    }

    private async Task WaitForEndAsync()
    {
        var delay = FirstDelay;
        do
        {
            await Task.Delay(delay * (0.75 + (Random.Shared.NextDouble() / 2)), time, _stop.Token).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            delay = delay * 2 < LongestDelay ? delay * 2 : LongestDelay;
        }
        while (!_stop.IsCancellationRequested && await ask(_stop.Token).ConfigureAwait(false) is not null);

        lock (_lock)
        {
            _outage = null;
            _lastEnd = time.GetTimestamp();
            foreach (var gate in _users)
            {
                gate.Resume(reason);
            }
        }
    }
}
