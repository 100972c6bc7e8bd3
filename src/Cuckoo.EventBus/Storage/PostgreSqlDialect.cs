using System.Data.Common;
using System.Globalization;

namespace Cuckoo.EventBus.Storage;

internal sealed class PostgreSqlDialect : SqlDialect
{
    // Of the transaction: the same in every expression of a statement.
    public override string Now => "now()";

    // The function, unlike SET LOCAL, also works in the implicit transaction of a batch.
    public override string FastCommit => "SELECT set_config('synchronous_commit', 'off', true);\n";

    public override bool HasOneWriter => false;

    public override string NowPlus(string secondsParameter) => $"now() + {secondsParameter} * interval '1 second'";

    public override string IsOneOf(DbCommand command, string column, IReadOnlyCollection<long> ids)
    {
        command.AddParameter("ids", ids.ToArray());
        return $"{column} = ANY(@ids)";
    }

    public override string Renumber(string table, string columns, string values, string condition, string order) =>
        $"WITH gone AS (DELETE FROM {table} WHERE {condition} RETURNING *) INSERT INTO {table} ({columns}) SELECT {values} FROM gone ORDER BY {order}";

    public override string SkipLocked => " FOR UPDATE SKIP LOCKED";

    // The limit in force before, perhaps the user's own, is kept in a setting of ours and is back for what follows.
    public override string WithLockTimeout(string statement, TimeSpan limit) => string.Create(CultureInfo.InvariantCulture, $"""
        SELECT set_config('cuckoo.lock_timeout', current_setting('lock_timeout'), true), set_config('lock_timeout', '{(long)limit.TotalMilliseconds}ms', true);
        {statement};
        SELECT set_config('lock_timeout', current_setting('cuckoo.lock_timeout'), true)
        """);

    // lock_not_available
    public override bool IsLockTimeout(DbException exception) => exception.SqlState == "55P03";
}
