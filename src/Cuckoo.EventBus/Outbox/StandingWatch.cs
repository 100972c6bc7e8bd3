using System.Data.Common;
using Cuckoo.EventBus.Storage;
using Cuckoo.EventBus.Telemetry;

namespace Cuckoo.EventBus.Outbox;

/// <summary>
/// Knows how the tables of one database stand, for the gauges. Invariant: of all instances one asks, once per interval, because
/// that needs a lease, a row beside those of the lanes; the others learn from the sweep that it is taken, and do not even try.
/// What was asked is shown no longer than the lease lasts. Asked by one sweep at a time, shown to any thread.
/// </summary>
/// <param name="database">The database.</param>
/// <param name="sql">Its statements.</param>
/// <param name="owner">The lease's holder.</param>
/// <param name="time">The clock.</param>
internal sealed class StandingWatch(EventBusDatabase database, LaneSql sql, string owner, TimeProvider time)
{
    private static readonly TimeSpan Interval = TimeSpan.FromSeconds(5);

    /// <summary>A sweep may be late, and a pause in between is not worth a change of who asks.</summary>
    private static readonly TimeSpan Lease = 3 * Interval;

    private volatile Answer? _last;
    private long? _askedAt;

    /// <summary>The last answer; <see langword="null"/> if it is too old or another instance's.</summary>
    public DatabaseStanding? Standing => _last is { } last && time.GetElapsedTime(last.At) < Lease ? last.Standing : null;

    /// <summary>Whether it is time to ask, if the lease is free.</summary>
    public bool IsDue => DatabaseGauges.Enabled && (_askedAt is not { } at || time.GetElapsedTime(at) >= Interval);

    /// <summary>Takes or keeps the lease, and asks.</summary>
    public async Task AskAsync(DatabaseSession session, CancellationToken ct)
    {
        var now = time.GetTimestamp();
        _askedAt = now;
        using var turn = await database.EnterWriteAsync(ct).ConfigureAwait(false);
        await using var command = session.Command(sql.Watch);
        command.AddParameter("owner", owner);
        command.AddParameter("lease", Lease.TotalSeconds);
        _last = await session.InTransactionAsync(database.Layout.Dialect, command, () => ReadAsync(command, now, ct), ct).ConfigureAwait(false);
    }

    private async Task<Answer?> ReadAsync(DbCommand command, long now, CancellationToken ct)
    {
        await using var reader = await command.ExecuteReaderAsync(ct).ConfigureAwait(false);
        if (!await reader.ReadAsync(ct).ConfigureAwait(false))
        {
            // Another instance was faster.
            return null;
        }

        await reader.NextResultAsync(ct).ConfigureAwait(false);
        await reader.ReadAsync(ct).ConfigureAwait(false);
        var outbox = OutboxStatus.Read(reader, time);
        var parked = new List<ParkedStanding>();
        while (await reader.ReadAsync(ct).ConfigureAwait(false))
        {
            parked.Add(new ParkedStanding(reader.GetString(3), reader.GetString(4), reader.GetInt64(5), reader.GetInt64(6)));
        }

        return new Answer(new DatabaseStanding(database.Name, outbox.Pending, outbox.OldestAge, outbox.Dead, parked), now);
    }

    private sealed record Answer(DatabaseStanding Standing, long At);
}
