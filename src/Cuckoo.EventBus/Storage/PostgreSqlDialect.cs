using System.Data.Common;

namespace Cuckoo.EventBus.Storage;

internal sealed class PostgreSqlDialect : SqlDialect
{
    public override string Now => "clock_timestamp()";

    // The function, unlike SET LOCAL, also works in the implicit transaction of a batch.
    public override string FastCommit => "SELECT set_config('synchronous_commit', 'off', true);\n";

    public override string ForUpdateSkipLocked => " FOR UPDATE SKIP LOCKED";

    public override bool HasOneWriter => false;

    public override string NowPlus(string secondsParameter) => $"clock_timestamp() + {secondsParameter} * interval '1 second'";

    public override string IsOneOf(DbCommand command, string column, IReadOnlyCollection<long> ids)
    {
        command.AddParameter("ids", ids.ToArray());
        return $"{column} = ANY(@ids)";
    }

    public override string NextOutboxId(string table, string id) => $"nextval(pg_get_serial_sequence('{table.Replace("'", "''", StringComparison.Ordinal)}', '{id}'))";
}
