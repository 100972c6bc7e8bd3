using Cuckoo.EventBus.Storage;

namespace Cuckoo.EventBus.Outbox;

/// <summary>The relay's statements against one database; parameters are named where they stand. Built once: every drain uses them.</summary>
internal sealed class LaneSql
{
    /// <summary>Delayed events that become due in one statement: enough for thousands at once, few enough to leave soon.</summary>
    public const int ScheduledPerStatement = 1000;

    /// <summary>So many deletes are worth a statement more, after which rows are found by index whatever plan is kept.</summary>
    public const int ManyDeletes = 16;

    /// <summary>Of so many consumers parked records are counted: each is a time series, and anyone may write rows.</summary>
    private const int MostConsumers = 100;

    private const string Columns = "id, topic, key, headers, payload, attempts";

    private readonly string[] _claimAndRead;
    private readonly string[] _holdAndRead;
    private readonly string[] _release;

    public LaneSql(DatabaseLayout layout)
    {
        var dialect = layout.Dialect;
        var (messages, lanes, parked) = (layout.OutboxMessages, layout.OutboxLanes, layout.RetryMessages);
        var now = dialect.Now;
        var leaseEnd = dialect.NowPlus("@lease");
        var free = $"owner IS NULL OR owner = @owner OR lease_until < {now}";
        var isOurs = $"EXISTS (SELECT 1 FROM {lanes} l WHERE l.lane = @lane AND l.owner = @owner AND l.claim = @claim)";
        const string Ours = "lane = @lane AND owner = @owner AND claim = @claim";
        const string HeldColumns = "lane, topic, key, event_id, type, headers, payload, created_at, due_at, attempts, last_error, ";

        // The last claim or, if another transaction makes one meanwhile, that.
        var claim = $"""
            UPDATE {lanes} SET
                wake = CASE WHEN {free} THEN FALSE ELSE TRUE END,
                claim = CASE WHEN {free} THEN claim + 1 ELSE claim END,
                lease_until = CASE WHEN {free} THEN {leaseEnd} ELSE lease_until END,
                floor = CASE WHEN ({free}) AND @reset THEN 0 ELSE floor END,
                owner = CASE WHEN {free} THEN @owner ELSE owner END
            WHERE lane = @lane AND claim >= ({Last("l.claim")})
            RETURNING owner, claim, floor{dialect.FastCommitColumn}{dialect.PlanByIndexColumns};
            """;
        var hold = $"UPDATE {lanes} SET wake = FALSE, lease_until = {leaseEnd}, floor = @durable WHERE {Ours} RETURNING owner, claim, floor{dialect.FastCommitColumn}{dialect.PlanByIndexColumns};";
        var release = $"UPDATE {lanes} SET owner = NULL, lease_until = NULL, floor = @durable WHERE {Ours} AND wake = FALSE RETURNING lane{dialect.FastCommitColumn};";
        // Not for PostgreSQL's index of pending rows: before the table is first analysed, few rows are expected to be pending, and a
        // thousand ids would be looked for among all that are.
        const string IsPending = "state + 0 = 0";
        // A rejected row of a former owner's stays.
        var delete = $"DELETE FROM {messages} WHERE {dialect.IsOneOf("id", "@done")} AND {IsPending}";
        var park = $"UPDATE {messages} SET state = 1, due_at = NULL WHERE {dialect.IsOneOf("id", "@park")} AND {IsPending} AND {isOurs};";
        // No row is above a floor that is null, because the lane is another's.
        var firstRead = Read(Last("CASE WHEN l.lane = @lane AND l.owner = @owner THEN l.floor END"), "");
        var nextFloor = $"SELECT @floor FROM {lanes} l WHERE l.lane = @lane AND l.owner = @owner AND l.claim = @claim";
        var writers = dialect.Writers(messages) is { } asking ? asking + ";\n" : "";
        string[] holds = [hold, dialect.DeleteThen(delete, hold), dialect.PlanByIndex + dialect.DeleteThen(delete, hold)];
        string[] nextReads = [Read(nextFloor, ""), Read(nextFloor, " AND " + dialect.IsNoneOf("m.id", "@skip"))];
        _claimAndRead = [.. Enumerable.Range(0, 2).Select(i => claim + "\n" + (i > 0 ? writers : "") + firstRead)];
        _holdAndRead = [.. Enumerable.Range(0, 8 * holds.Length).Select(i =>
            holds[i >> 3] + "\n" + ((i & 1) > 0 ? park + "\n" : "") + ((i & 2) > 0 ? writers : "") + nextReads[(i & 4) >> 2])];
        _release = [release, dialect.DeleteThen(delete, release), dialect.PlanByIndex + dialect.DeleteThen(delete, release)];

        Renew = $"UPDATE {lanes} SET lease_until = {leaseEnd} WHERE {Ours} RETURNING claim{dialect.FastCommitColumn};";
        ReleaseAll = $"UPDATE {lanes} SET owner = NULL, lease_until = NULL WHERE owner = @owner";
        // With the lane's row in the same snapshot: as long as it is ours nobody else changes what waits.
        Heads = $"""
            SELECT m.id, m.topic, m.key FROM {lanes} l
            LEFT JOIN {messages} m ON m.lane = l.lane AND m.state = 1 AND m.due_at IS NOT NULL AND m.key IS NOT NULL
            WHERE l.lane = @lane AND l.owner = @owner AND l.claim = @claim
            ORDER BY m.id DESC;
            """;
        DueHeads = $"SELECT {Columns}, TRUE FROM {messages} WHERE lane = @lane AND state = 1 AND due_at <= {now} AND {dialect.IsNoneOf("id", "@skip")} AND {isOurs} ORDER BY due_at, id LIMIT @limit;";
        // The lock of the lane's row, and that it is still ours, for what follows in the same transaction.
        Lock = $"UPDATE {lanes} SET lease_until = {leaseEnd} WHERE {Ours};";
        Reject = $"""
            UPDATE {messages} SET
                attempts = attempts + 1,
                last_error = @error,
                due_at = {dialect.NowPlus("@delay")},
                state = CASE WHEN attempts + 1 >= @max THEN 3 ELSE 1 END
            WHERE id = @id AND state IN (0, 1) AND {isOurs}
            RETURNING state, attempts, event_id, type;
            """;
        DeleteHead = $"DELETE FROM {messages} WHERE id = @id AND state = 1 AND {isOurs};";
        Return = $"""
            UPDATE {messages} SET state = 0
            WHERE lane = @lane AND state = 1 AND due_at IS NULL AND topic = @topic AND key = @key AND {isOurs}
                AND NOT EXISTS (SELECT 1 FROM {messages} h WHERE h.id = @id AND h.state = 1);
            UPDATE {lanes} SET floor = 0 WHERE {Ours};
            """;
        ReturnOrphans = $"""
            UPDATE {messages} SET state = 0
            WHERE lane = @lane AND state = 1 AND due_at IS NULL AND {isOurs}
                AND NOT EXISTS (
                    SELECT 1 FROM {messages} h
                    WHERE h.lane = @lane AND h.state = 1 AND h.due_at IS NOT NULL AND h.topic = {messages}.topic AND h.key = {messages}.key);
            """;

        Probe = $"""
            SELECT {(int)Finding.Pending}, l.lane, 0.0 FROM {lanes} l
            WHERE (l.owner IS NULL OR l.lease_until < {now} OR (@thorough AND l.owner = @owner))
                AND EXISTS (SELECT 1 FROM {messages} m WHERE m.lane = l.lane AND m.state = 0 AND m.id > CASE WHEN @thorough THEN 0 ELSE l.floor END)
            UNION ALL SELECT {(int)Finding.Waiting}, l.lane, 0.0 FROM {lanes} l
            WHERE (l.owner IS NULL OR l.lease_until < {now} OR (@thorough AND l.owner = @owner))
                AND EXISTS (SELECT 1 FROM {messages} m WHERE m.lane = l.lane AND m.state = 1 AND (m.due_at <= {now} OR (@thorough AND m.due_at IS NULL)))
            UNION ALL SELECT {(int)Finding.Scheduled}, 0, {dialect.SecondsUntil("m.due_at")} FROM (
                SELECT due_at FROM {messages} WHERE state = 2 ORDER BY due_at LIMIT 1) m
            UNION ALL SELECT {(int)Finding.Watch}, 0, 0.0
            WHERE @watches AND NOT EXISTS (SELECT 1 FROM {lanes} l WHERE l.lane = {OutboxLane.Watch} AND l.owner <> @owner AND l.lease_until >= {now})
            """;
        // By a row comparison, as a read: see there.
        const string IsAboveFloor = "m.state = 0 AND m.lane <= l.lane AND (m.lane, m.id) > (l.lane, l.floor)";
        Status = $"""
            SELECT
                CAST((SELECT sum(
                    (SELECT count(*) FROM (SELECT 1 FROM {messages} m WHERE {IsAboveFloor} LIMIT {OutboxStatus.CountLimit}) c)
                    + (SELECT count(*) FROM (SELECT 1 FROM {messages} m WHERE m.lane = l.lane AND m.state = 1 LIMIT {OutboxStatus.CountLimit}) c))
                FROM {lanes} l) AS bigint) AS pending,
                (SELECT min(o.at) FROM (
                    SELECT (SELECT m.created_at FROM {messages} m WHERE {IsAboveFloor} ORDER BY m.lane, m.id LIMIT 1) AS at FROM {lanes} l
                    UNION ALL
                    SELECT (SELECT m.created_at FROM {messages} m WHERE m.lane = l.lane AND m.state = 1 AND m.due_at IS NOT NULL ORDER BY m.due_at LIMIT 1) FROM {lanes} l) o) AS oldest_at,
                (SELECT count(*) FROM (SELECT 1 FROM {messages} WHERE state = 3 LIMIT {OutboxStatus.CountLimit}) d) AS dead
            """;
        // Consumers by steps through an index, one for each, whatever the number of their rows. And these by index too: of a
        // consumer that is unknown when it is planned, the average would let all rows be looked through for one with few.
        Watch = $"""
            INSERT INTO {lanes} AS l (lane, hash_version, owner, claim, lease_until, wake, floor)
            VALUES ({OutboxLane.Watch}, {LaneHash.Version}, @owner, 0, {leaseEnd}, FALSE, 0)
            ON CONFLICT (lane, claim) DO UPDATE SET owner = excluded.owner, lease_until = excluded.lease_until
            WHERE l.owner IS NULL OR l.owner = excluded.owner OR l.lease_until < {now}
            RETURNING lane{dialect.FastCommitColumn}{dialect.PlanByIndexColumns};
            WITH RECURSIVE consumer (id) AS (
                SELECT (SELECT f.id FROM {parked} f ORDER BY f.consumer_group, f.consumer LIMIT 1)
                UNION ALL
                SELECT (
                    SELECT n.id FROM {parked} n WHERE (n.consumer_group, n.consumer) > (p.consumer_group, p.consumer)
                    ORDER BY n.consumer_group, n.consumer LIMIT 1)
                FROM consumer c JOIN {parked} p ON p.id = c.id)
            SELECT s.pending, s.oldest_at, s.dead, NULL, NULL, 0, 0 FROM ({Status}) s
            UNION ALL SELECT 0, NULL, 0, p.consumer_group, p.consumer,
                (SELECT count(*) FROM (
                    SELECT 1 FROM {parked} k WHERE k.consumer_group = p.consumer_group AND k.consumer = p.consumer AND k.due_at IS NOT NULL LIMIT {OutboxStatus.CountLimit}) n),
                (SELECT count(*) FROM (
                    SELECT 1 FROM {parked} k WHERE k.consumer_group = p.consumer_group AND k.consumer = p.consumer LIMIT {OutboxStatus.CountLimit}) n)
            FROM (SELECT id FROM consumer LIMIT {MostConsumers}) c JOIN {parked} p ON p.id = c.id
            """;
        PromoteScheduled = dialect.Renumber(messages, HeldColumns + "state", HeldColumns + "0", $"state = 2 AND due_at <= {now}", "due_at, id", ScheduledPerStatement);

        // By a row comparison too, and with a lane that the planner does not know: told that there is one row, which is true of
        // those that are alive, it would fetch all versions to sort them, instead of the last one from the end of the index.
        string Last(string column) => $"SELECT {column} FROM {lanes} l WHERE (l.lane, l.claim) <= ((SELECT @lane), {long.MaxValue}) ORDER BY l.lane DESC, l.claim DESC LIMIT 1";

        // By a row comparison, which only the index of pending rows can follow in order: with lane = @lane, PostgreSQL prefers
        // the primary key, and reads the rows of all lanes for those of one.
        string Read(string floor, string but) => $"""
            SELECT {Columns}, EXISTS (SELECT 1 FROM {messages} w WHERE w.lane = @lane AND w.state = 1)
            FROM {messages} m
            WHERE m.state = 0 AND m.lane <= @lane AND (m.lane, m.id) > (@lane, ({floor})){but}
            ORDER BY m.lane, m.id
            LIMIT @limit;
            """;
    }

    /// <summary>What a sweep finds.</summary>
    public enum Finding
    {
        /// <summary>A lane has rows to send and no owner.</summary>
        Pending,

        /// <summary>A lane has rejected rows that are due again, and no owner.</summary>
        Waiting,

        /// <summary>The first delayed event is due in so many seconds.</summary>
        Scheduled,

        /// <summary>Nobody else has the lease to ask how the tables stand.</summary>
        Watch,
    }

    /// <summary>
    /// @lane, @owner, @lease, @reset, @limit: takes a lane that is free or ours, else sets the holder's wake flag; then reads the lane's
    /// first pending rows in order, above its floor.
    /// </summary>
    /// <param name="asksWriters">Whether to ask before the read which transactions may have rows that nobody sees yet.</param>
    public string ClaimAndRead(bool asksWriters) => _claimAndRead[asksWriters ? 1 : 0];

    /// <summary>
    /// @lane, @owner, @claim, @lease, @durable, @floor, @limit: keeps the lane and answers its wake flag; then reads the pending rows
    /// above a floor. The same text for the same choice.
    /// </summary>
    /// <param name="deletes">@done: how many acknowledged rows there are, which are deleted first.</param>
    /// <param name="parks">@park: rows that wait behind a rejected one of their key.</param>
    /// <param name="asksWriters">As for a claim.</param>
    /// <param name="skips">@skip: rows on their way, which are not read.</param>
    public string HoldAndRead(int deletes, bool parks, bool asksWriters, bool skips) =>
        _holdAndRead[(8 * Deletes(deletes)) + (parks ? 1 : 0) + (asksWriters ? 2 : 0) + (skips ? 4 : 0)];

    /// <summary>@lane, @owner, @claim, @durable: returns the lane if it is free now; nothing if someone set its wake flag, or has it.</summary>
    /// <param name="deletes">@done: how many acknowledged rows there are, which are deleted first.</param>
    public string Release(int deletes) => _release[Deletes(deletes)];

    /// <summary>@lane, @owner, @claim, @lease: keeps the lease; returns nothing if the lane is another's.</summary>
    public string Renew { get; }

    /// <summary>@owner: gives back every lane of a process that stops.</summary>
    public string ReleaseAll { get; }

    /// <summary>@lane, @owner, @claim: the rejected rows, behind each of which its key waits; no row at all if the lane is another's.</summary>
    public string Heads { get; }

    /// <summary>@lane, @owner, @claim, @limit, @skip: rejected rows that are due again and not on their way.</summary>
    public string DueHeads { get; }

    /// <summary>@lane, @owner, @claim, @lease: before the statements that follow in the same transaction nobody else takes the lane.</summary>
    public string Lock { get; }

    /// <summary>@id, @delay, @max, @error: one more attempt; the row waits and its key with it, or is dead. Returns state, attempts, and what the event is.</summary>
    public string Reject { get; }

    /// <summary>@id: a rejected row that the broker took in the end.</summary>
    public string DeleteHead { get; }

    /// <summary>@id, @topic, @key: if that row waits no longer, those behind it return to where their ids put them.</summary>
    public string Return { get; }

    /// <summary>Rows that wait behind nobody, because someone deleted a row by hand.</summary>
    public string ReturnOrphans { get; }

    /// <summary>@owner, @thorough, @watches: what a sweep has to do, as (<see cref="Finding"/>, lane, seconds).</summary>
    public string Probe { get; }

    /// <summary>An <see cref="OutboxStatus"/>.</summary>
    public string Status { get; }

    /// <summary>
    /// @owner, @lease: takes or keeps the lease to ask, and answers a row if so; then an <see cref="OutboxStatus"/>, and in rows of the
    /// same form, from the fourth column on, each consumer's parked keys and records.
    /// </summary>
    public string Watch { get; }

    /// <summary>Delayed events that are due become the newest rows.</summary>
    public string PromoteScheduled { get; }

    private static int Deletes(int count) => count == 0 ? 0 : count < ManyDeletes ? 1 : 2;
}
