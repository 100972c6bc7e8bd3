using System.Data.Common;
using System.Globalization;
using System.Text.Json;

namespace Cuckoo.EventBus.Storage;

internal sealed class SqliteDialect : SqlDialect
{
    // The text form that EF Core's provider stores a DateTime in, so that the two compare.
    private const string Format = "'%Y-%m-%d %H:%M:%f'";

    public override string Now => $"strftime({Format}, 'now')";

    public override string FastCommitColumn => "";

    public override string PlanByIndexColumns => "";

    public override string PlanByIndex => "";

    public override bool HasOneWriter => true;

    public override string NowPlus(string secondsParameter) => $"strftime({Format}, 'now', {secondsParameter} || ' seconds')";

    public override string IsOneOf(string column, string parameter) => $"{column} IN (SELECT value FROM json_each({parameter}))";

    public override string IsNoneOf(string column, string parameter) => $"{column} NOT IN (SELECT value FROM json_each({parameter}))";

    public override object Ids(IReadOnlyCollection<long> ids) => $"[{string.Join(',', ids.Select(id => id.ToString(CultureInfo.InvariantCulture)))}]";

    public override string Pairs(DbCommand command, IReadOnlyList<(string A, string B)> pairs)
    {
        command.AddParameter("pairs", JsonSerializer.Serialize(pairs.Select(pair => new[] { pair.A, pair.B })));
        return "(SELECT json_extract(value, '$[0]') AS a, json_extract(value, '$[1]') AS b, key AS n FROM json_each(@pairs)) AS pair";
    }

    public override string DeleteThen(string delete, string statement) => $"{delete};\n{statement}";

    public override string SecondsUntil(string time) => $"(julianday({time}) - julianday('now')) * 86400.0";

    // It has one writer, so what a reader does not see has no id yet.
    public override string? Writers(string quotedTable) => null;

    // The condition's clock may tick between statements, so the ids are noted first.
    public override string Renumber(string table, string columns, string values, string condition, string order, int limit) =>
        $"""
        CREATE TEMP TABLE IF NOT EXISTS renumbered (id INTEGER PRIMARY KEY);
        INSERT INTO renumbered SELECT id FROM {table} WHERE {condition} ORDER BY {order} LIMIT {limit.ToString(CultureInfo.InvariantCulture)};
        INSERT INTO {table} ({columns}) SELECT {values} FROM {table} WHERE id IN (SELECT id FROM renumbered) ORDER BY {order};
        DELETE FROM {table} WHERE id IN (SELECT id FROM renumbered);
        DROP TABLE renumbered
        """;

    public override string SkipLocked => "";

    public override string Lock => "";

    public override string Keep => "";

    // Its only lock is the file's, waited for by the connection's own busy time-out.
    public override string WithLockTimeout(string statement, TimeSpan limit, TimeSpan? idleLimit = null) => statement;

    public override string InsertUnlessThere(string table, string columns, string values, TimeSpan limit, TimeSpan? idleLimit) =>
        $"INSERT INTO {table} ({columns}) VALUES ({values}) ON CONFLICT DO NOTHING";

    // SQLITE_BUSY and SQLITE_LOCKED. The code itself is a property of the provider's own exception, which is not referenced.
    public override bool IsLockTimeout(DbException exception) =>
        exception.Message.StartsWith("SQLite Error 5:", StringComparison.Ordinal) || exception.Message.StartsWith("SQLite Error 6:", StringComparison.Ordinal);

    public override bool IsNoTable(DbException exception) => exception.Message.Contains("no such table", StringComparison.Ordinal);

    public override Task<bool> MayPrepareAsync(DbConnection connection, DbTransaction? transaction, CancellationToken ct) => Task.FromResult(true);

    public override int? SessionOf(DbConnection connection) => null;

    public override Task<string?> IsolationAsync(DatabaseSession session, CancellationToken ct) => Task.FromResult<string?>(null);
}
