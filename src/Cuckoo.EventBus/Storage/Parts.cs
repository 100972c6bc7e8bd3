using System.Runtime.CompilerServices;

namespace Cuckoo.EventBus.Storage;

/// <summary>Any number of rows in small parts, by their ids: no statement and no transaction grows with them.</summary>
internal static class Parts
{
    /// <param name="readAfter">Reads the rows whose ids follow, in their order, <paramref name="size"/> at most.</param>
    /// <param name="idOf">A row's id.</param>
    /// <param name="size">Rows of a part: fewer are the last ones.</param>
    /// <param name="ct">Ends it before the next part.</param>
    public static async IAsyncEnumerable<List<TRow>> ReadAsync<TRow>(
        Func<long, CancellationToken, Task<List<TRow>>> readAfter, Func<TRow, long> idOf, int size, [EnumeratorCancellation] CancellationToken ct = default)
    {
        var after = long.MinValue;
        List<TRow> rows;
        do
        {
            ct.ThrowIfCancellationRequested();
            rows = await readAfter(after, ct).ConfigureAwait(false);
            if (rows.Count > 0)
            {
                after = idOf(rows[^1]);
                yield return rows;
            }
        }
        while (rows.Count == size);
    }

    /// <summary>Refuses a decision about everything, which is more likely a filter that somebody forgot to fill in.</summary>
    /// <param name="isEmpty">Whether the filter is.</param>
    /// <param name="parameter">The filter's name at the caller.</param>
    /// <param name="everything">What it would mean.</param>
    /// <param name="example">What could be set instead.</param>
    /// <exception cref="ArgumentException">It is empty.</exception>
    public static void ThrowIfEmpty(bool isEmpty, string parameter, string everything, string example)
    {
        if (isEmpty)
        {
            throw new ArgumentException($"The filter is empty, which would mean {everything}. Set {example} for instance.", parameter);
        }
    }
}
