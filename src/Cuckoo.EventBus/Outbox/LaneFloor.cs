namespace Cuckoo.EventBus.Outbox;

/// <summary>
/// How far down a lane's reads must begin. Invariant: every row of the lane with an id up to <see cref="Value"/> that will ever
/// be pending was returned by a read of this process, or the lane's row says so. Not for concurrent use.
/// </summary>
/// <remarks>
/// Ids are given out in order, but seen in the order of commits: simply going on behind the last id would pass a row whose
/// transaction commits later, and send a row of its successor's first. A transaction that has an id up to F took it before F was
/// seen, and holds a lock of the table until its rows are visible. So F may be the floor once every transaction that held the
/// lock after F was seen has ended, and a read that began after that, from the old floor, has returned all up to F.
/// </remarks>
internal sealed class LaneFloor
{
    /// <summary>
    /// Below so many rows done with, their index entries cost less than to ask who is writing (each about a microsecond, the
    /// question about a hundred).
    /// </summary>
    private const int WorthAsking = 100;

    /// <summary>How PostgreSQL names a prepared transaction, which goes on without a session, and had another name before.</summary>
    private const string Prepared = "-1/";

    private long? _candidate;
    private HashSet<string>? _writers;
    private int _done;

    public long Value { get; private set; }

    /// <summary>Whether the next read should be preceded by the question who is writing.</summary>
    public bool IsAsking => _candidate is not null && _done >= WorthAsking;

    /// <summary>What the lane's row says when it is claimed. What was seen of rows above it still counts.</summary>
    public void Begin(long value) => Value = value;

    /// <summary>So many rows need not be read again: they are deleted, or passed over.</summary>
    public void Done(int rows) => _done += rows;

    /// <summary>Forgets what was seen, but not the floor: the database may not be what it was.</summary>
    public void Forget() => (_candidate, _writers, _done) = (null, null, 0);

    /// <summary>After a read from <see cref="Value"/>.</summary>
    /// <param name="writers">Who was writing before it began; <see langword="null"/> if that was not asked.</param>
    /// <param name="seen">It returned all rows up to this id, and they are taken care of.</param>
    /// <param name="isComplete">Whether it returned all there are.</param>
    public void Read(IReadOnlyCollection<string>? writers, long? seen, bool isComplete)
    {
        if (_candidate is { } candidate && writers is not null)
        {
            if (_writers is null)
            {
                _writers = [.. writers];
            }
            else
            {
                _writers.IntersectWith(writers);
                _writers.UnionWith(writers.Where(w => w.StartsWith(Prepared, StringComparison.Ordinal)));
            }

            if (_writers.Count == 0 && (isComplete || seen >= candidate))
            {
                Value = Math.Max(Value, candidate);
                (_candidate, _writers, _done) = (null, null, 0);
            }
        }

        if (_candidate is null && seen > Value)
        {
            _candidate = seen;
        }
    }

    /// <summary>A row that was seen is to be read again, and all above it.</summary>
    public void LowerBelow(long id)
    {
        Value = Math.Min(Value, id - 1);
    }

    /// <summary>Rows with any ids may have become pending again.</summary>
    public void Reset() => Value = 0;
}
