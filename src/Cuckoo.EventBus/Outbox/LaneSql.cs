using Cuckoo.EventBus.Storage;

namespace Cuckoo.EventBus.Outbox;

/// <summary>The relay's statements against one database; parameters are named where they stand. Built once: every drain uses them.</summary>
internal sealed class LaneSql
{
    public LaneSql(DatabaseLayout layout)
    {
        var now = layout.Dialect.Now;
        var leaseEnd = layout.Dialect.NowPlus("@lease");
        var free = $"owner IS NULL OR owner = @owner OR lease_until < {now}";
        var dueAgain = $"state = 1 AND due_at <= {now}";
        var due = $"state = 2 AND due_at <= {now}";
        const string Columns = "lane, topic, key, event_id, type, headers, payload, created_at, due_at, attempts, last_error, ";

        FastCommit = layout.Dialect.FastCommit;
        ClaimOrWake = $"""
            UPDATE {layout.OutboxLanes} SET
                wake = CASE WHEN {free} THEN FALSE ELSE TRUE END,
                claim = CASE WHEN {free} THEN claim + 1 ELSE claim END,
                lease_until = CASE WHEN {free} THEN {leaseEnd} ELSE lease_until END,
                owner = CASE WHEN {free} THEN @owner ELSE owner END
            WHERE lane = @lane
            RETURNING owner, claim;
            """;
        Read = $"""
            SELECT m.id, m.topic, m.key, m.event_id, m.type, m.headers, m.payload, m.attempts
            FROM {layout.OutboxMessages} m
            WHERE m.lane = @lane AND m.state = 0
                AND EXISTS (SELECT 1 FROM {layout.OutboxLanes} l WHERE l.lane = @lane AND l.owner = @owner)
                AND NOT EXISTS (
                    SELECT 1 FROM {layout.OutboxMessages} w
                    WHERE w.lane = @lane AND w.state = 1 AND w.topic = m.topic AND w.key = m.key AND w.id < m.id)
            ORDER BY m.id
            LIMIT @limit;
            """;
        Renew = $"UPDATE {layout.OutboxLanes} SET lease_until = {leaseEnd} WHERE lane = @lane AND owner = @owner AND claim = @claim";
        Release = $"UPDATE {layout.OutboxLanes} SET owner = NULL, lease_until = NULL WHERE lane = @lane AND owner = @owner AND claim = @claim AND wake = FALSE RETURNING lane;";
        ReleaseAll = $"UPDATE {layout.OutboxLanes} SET owner = NULL, lease_until = NULL WHERE owner = @owner";
        Delete = $"DELETE FROM {layout.OutboxMessages} WHERE ";
        Reject = $"""
            UPDATE {layout.OutboxMessages} SET
                attempts = attempts + 1,
                last_error = @error,
                due_at = {layout.Dialect.NowPlus("@delay")},
                state = CASE WHEN attempts + 1 >= @max THEN 3 ELSE 1 END
            WHERE id = @id AND state = 0
            RETURNING state, attempts;
            """;
        Probe = $"""
            SELECT l.lane FROM {layout.OutboxLanes} l
            WHERE (l.owner IS NULL OR l.lease_until < {now})
                AND EXISTS (SELECT 1 FROM {layout.OutboxMessages} m WHERE m.lane = l.lane AND m.state = 0)
            UNION ALL SELECT -1 WHERE EXISTS (SELECT 1 FROM {layout.OutboxMessages} WHERE {dueAgain})
            UNION ALL SELECT -2 WHERE EXISTS (SELECT 1 FROM {layout.OutboxMessages} WHERE {due})
            """;
        PromoteWaiting = $"UPDATE {layout.OutboxMessages} SET state = 0 WHERE {dueAgain}";
        PromoteScheduled = layout.Dialect.Renumber(layout.OutboxMessages, Columns + "state", Columns + "0", due, "due_at, id");
    }

    /// <summary>Precedes what only removes or releases: losing it at a crash repeats a send, which the inbox drops.</summary>
    public string FastCommit { get; }

    /// <summary>@lane, @owner, @lease: takes or renews a lane that is free or ours, else sets the holder's wake flag.</summary>
    public string ClaimOrWake { get; }

    /// <summary>@lane, @owner, @limit: the lane's pending rows in order, but for keys that wait behind a rejected row.</summary>
    public string Read { get; }

    /// <summary>@lane, @owner, @claim, @lease.</summary>
    public string Renew { get; }

    /// <summary>@lane, @owner, @claim: returns the lane if it is free now; nothing if someone set its wake flag, or has it.</summary>
    public string Release { get; }

    /// <summary>@owner: gives back every lane of a process that stops.</summary>
    public string ReleaseAll { get; }

    /// <summary>To be completed with a condition on the ids.</summary>
    public string Delete { get; }

    /// <summary>@id, @delay, @max, @error: one more attempt; the row waits and its key with it, or is dead. Returns the state.</summary>
    public string Reject { get; }

    /// <summary>Lanes that have rows and no owner; -1 if rejected rows are due again, -2 if delayed ones are.</summary>
    public string Probe { get; }

    /// <summary>Rejected rows that are due go back where their ids put them: before all later ones of their key.</summary>
    public string PromoteWaiting { get; }

    /// <summary>Delayed events that are due become the newest rows.</summary>
    public string PromoteScheduled { get; }
}
