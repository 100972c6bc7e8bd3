using System.Collections.Concurrent;
using System.Data.Common;
using System.Globalization;
using System.Reflection;

namespace Cuckoo.EventBus.Storage;

internal sealed class PostgreSqlDialect : SqlDialect
{
    private static readonly ConcurrentDictionary<Type, PropertyInfo?> ProcessIds = new();

    // Of the transaction: the same in every expression of a statement.
    public override string Now => "now()";

    // The function, unlike SET LOCAL, also works in the implicit transaction of a batch.
    public override string FastCommitColumn => ", set_config('synchronous_commit', 'off', true)";

    public override string PlanByIndexColumns => ", set_config('enable_seqscan', 'off', true), set_config('enable_bitmapscan', 'off', true)";

    public override string PlanByIndex => $"SELECT {PlanByIndexColumns[2..]};\n";

    public override bool HasOneWriter => false;

    public override string NowPlus(string secondsParameter) => $"now() + {secondsParameter} * interval '1 second'";

    public override string IsOneOf(string column, string parameter) => $"{column} = ANY({parameter})";

    public override string IsNoneOf(string column, string parameter) => $"{column} <> ALL({parameter})";

    public override object Ids(IReadOnlyCollection<long> ids) => ids.ToArray();

    public override string Pairs(DbCommand command, IReadOnlyList<(string A, string B)> pairs)
    {
        var (a, b) = (new string[pairs.Count], new string[pairs.Count]);
        for (var i = 0; i < a.Length; i++)
        {
            (a[i], b[i]) = pairs[i];
        }

        command.AddParameter("a", a);
        command.AddParameter("b", b);
        return "unnest(@a, @b) WITH ORDINALITY AS pair (a, b, n)";
    }

    public override string DeleteThen(string delete, string statement) => $"WITH gone AS ({delete}) {statement}";

    public override string SecondsUntil(string time) => $"extract(epoch FROM {time} - now())::float8";

    // Whoever inserts holds this lock of the table from before it takes an id until after its commit is seen by others. A
    // virtual transaction id is never given out twice; a prepared transaction has one of its own.
    public override string? Writers(string quotedTable) => $"""
        SELECT l.virtualtransaction FROM pg_catalog.pg_locks l
        WHERE l.locktype = 'relation' AND l.mode = 'RowExclusiveLock' AND l.pid IS DISTINCT FROM pg_catalog.pg_backend_pid()
            AND l.relation = '{quotedTable.Replace("'", "''", StringComparison.Ordinal)}'::regclass
            AND l.database = (SELECT d.oid FROM pg_catalog.pg_database d WHERE d.datname = pg_catalog.current_database())
        """;

    public override string Renumber(string table, string columns, string values, string condition, string order, int limit) =>
        $"WITH due AS (SELECT id FROM {table} WHERE {condition} ORDER BY {order} LIMIT {limit.ToString(CultureInfo.InvariantCulture)} FOR UPDATE SKIP LOCKED), gone AS (DELETE FROM {table} WHERE id IN (SELECT id FROM due) RETURNING *) INSERT INTO {table} ({columns}) SELECT {values} FROM gone ORDER BY {order}";

    public override string SkipLocked => " FOR UPDATE SKIP LOCKED";

    public override string Lock => " FOR UPDATE";

    public override string Keep => " FOR KEY SHARE";

    // The limit in force before, perhaps the user's own, is kept in a setting of ours and is back for what follows.
    public override string WithLockTimeout(string statement, TimeSpan limit, TimeSpan? idleLimit = null) => $"""
        SELECT set_config('cuckoo.lock_timeout', current_setting('lock_timeout'), true), {SetLimits(limit, idleLimit)};
        {statement};
        SELECT set_config('lock_timeout', current_setting('cuckoo.lock_timeout'), true)
        """;

    // The row's values come from the settings' row, so that there is no row, nor a lock to wait for, before they are made.
    public override string InsertUnlessThere(string table, string columns, string values, TimeSpan limit, TimeSpan? idleLimit) => $"""
        WITH limits AS MATERIALIZED (SELECT current_setting('lock_timeout') AS before, {SetLimits(limit, idleLimit)})
        INSERT INTO {table} ({columns}) SELECT {values} FROM limits ON CONFLICT DO NOTHING
        RETURNING set_config('lock_timeout', (SELECT before FROM limits), true)
        """;

    // lock_not_available
    public override bool IsLockTimeout(DbException exception) => exception.SqlState == "55P03";

    public override bool IsNoTable(DbException exception) => exception.SqlState == "42P01";

    // Behind a transaction pooler, what one transaction prepared is unknown to the next one, or another's of the same name. A
    // pooler has no server process yet when it gives a client the number with which to cancel, so it invents one: only who
    // is connected directly knows the process that answers. (With Npgsql's multiplexing there is no number outside of a transaction, and no preparing in one.)
    public override async Task<bool> MayPrepareAsync(DbConnection connection, DbTransaction? transaction, CancellationToken ct)
    {
        await using var command = connection.CreateCommand();
        command.Transaction = transaction;
        command.CommandText = "SELECT pg_catalog.pg_backend_pid()";
        return await command.ExecuteScalarAsync(ct).ConfigureAwait(false) is int answering && SessionOf(connection) == answering;
    }

    // By name, because the provider is not referenced.
    public override int? SessionOf(DbConnection connection)
    {
        var property = ProcessIds.GetOrAdd(connection.GetType(), static type => type.GetProperty("ProcessID"));
        try
        {
            return property?.GetValue(connection) as int?;
        }
        catch (TargetInvocationException)
        {
            return null;
        }
    }

    public override async Task<string?> IsolationAsync(DatabaseSession session, CancellationToken ct)
    {
        await using var command = session.Command("SHOW default_transaction_isolation");
        return (string?)await command.ExecuteScalarAsync(ct).ConfigureAwait(false);
    }

    private static string SetLimits(TimeSpan limit, TimeSpan? idleLimit) => string.Create(
        CultureInfo.InvariantCulture, $"set_config('lock_timeout', '{(long)limit.TotalMilliseconds}ms', true){(idleLimit is { } idle ? IdleLimitColumn(idle) : "")}");

    // Until the transaction's end, as all that is set here. No limit is '0', the others have a unit, as intervals do.
    private static string IdleLimitColumn(TimeSpan limit) => string.Create(CultureInfo.InvariantCulture, $"""
        , set_config('idle_in_transaction_session_timeout', CASE
            WHEN current_setting('idle_in_transaction_session_timeout') <> '0' AND current_setting('idle_in_transaction_session_timeout')::interval < interval '{Milliseconds(limit)} milliseconds'
            THEN current_setting('idle_in_transaction_session_timeout') ELSE '{Milliseconds(limit)}ms' END, true)
        """);

    // The setting's own upper limit is some weeks.
    private static long Milliseconds(TimeSpan limit) => (long)Math.Min(limit.TotalMilliseconds, int.MaxValue);
}
