using System.Data.Common;

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
}
