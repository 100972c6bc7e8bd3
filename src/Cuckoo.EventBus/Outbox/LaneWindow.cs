namespace Cuckoo.EventBus.Outbox;

/// <summary>
/// What one drain of a lane has on its way, and what wakes it. Answers and <see cref="Wake"/> may come from any thread;
/// everything else is the drain's own.
/// </summary>
internal sealed class LaneWindow
{
    private readonly Lock _lock = new();
    private readonly Dictionary<long, SentRow> _rows = [];
    private List<SentRow> _answers = [];
    private TaskCompletionSource? _waiting;
    private int _unanswered;
    private int _enough;
    private int _special;
    private bool _isWoken;

    /// <summary>Rows that are sent and whose answer was not yet taken.</summary>
    public IReadOnlyDictionary<long, SentRow> Rows => _rows;

    /// <summary>Whether each has a key and travels with others, so that only a blocked partition makes it wait for long.</summary>
    public bool IsOrdinary => _special == 0;

    private bool IsDue => _isWoken || _unanswered <= _enough;

    public void Add(SentRow row)
    {
        _rows.Add(row.Id, row);
        _special += row.IsOrdinary ? 0 : 1;
        lock (_lock)
        {
            _unanswered++;
        }
    }

    public void Answered(SentRow row)
    {
        lock (_lock)
        {
            _answers.Add(row);
            _unanswered--;
            // What failed, was suspected or blocked changes what can be done; the rest only counts.
            _isWoken |= row is not { Way: SendWay.Together, Blocked: null, Result.IsAcknowledged: true };
            EndWaitIfDue();
        }
    }

    /// <summary>There is something else to do.</summary>
    public void Wake()
    {
        lock (_lock)
        {
            _isWoken = true;
            EndWaitIfDue();
        }
    }

    /// <summary>The answers since the last time; their rows are on their way no longer.</summary>
    public List<SentRow> TakeAnswers()
    {
        List<SentRow> answers;
        lock (_lock)
        {
            answers = _answers;
            _answers = [];
            _isWoken = false;
        }

        foreach (var row in answers)
        {
            if (_rows.Remove(row.Id) && !row.IsOrdinary)
            {
                _special--;
            }
        }

        return answers;
    }

    /// <summary>Ends when no more than so many rows are unanswered, something else is to be done, or the time is over.</summary>
    /// <returns>Whether it was not the time.</returns>
    /// <exception cref="OperationCanceledException">The stop.</exception>
    public async Task<bool> WaitAsync(int unanswered, TimeSpan limit, TimeProvider time, CancellationToken ct)
    {
        Task waiting;
        lock (_lock)
        {
            _enough = unanswered;
            if (IsDue)
            {
                return true;
            }

            _waiting = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
            waiting = _waiting.Task;
        }

        try
        {
            await waiting.WaitAsync(limit, time, ct).ConfigureAwait(false);
            return true;
        }
        catch (TimeoutException)
        {
            return false;
        }
    }

    private void EndWaitIfDue()
    {
        if (IsDue)
        {
            _waiting?.TrySetResult();
            _waiting = null;
        }
    }
}
