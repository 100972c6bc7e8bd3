using System.Data.Common;
using System.Globalization;

namespace Cuckoo.EventBus.Storage;

internal sealed class SqliteDialect : SqlDialect
{
    // The text form that EF Core's provider stores a DateTime in, so that the two compare.
    private const string Format = "'%Y-%m-%d %H:%M:%f'";

    public override string Now => $"strftime({Format}, 'now')";

    public override string FastCommit => "";

    public override string ForUpdateSkipLocked => "";

    public override bool HasOneWriter => true;

    public override string NowPlus(string secondsParameter) => $"strftime({Format}, 'now', {secondsParameter} || ' seconds')";

    public override string IsOneOf(DbCommand command, string column, IReadOnlyCollection<long> ids)
    {
        command.AddParameter("ids", $"[{string.Join(',', ids.Select(id => id.ToString(CultureInfo.InvariantCulture)))}]");
        return $"{column} IN (SELECT value FROM json_each(@ids))";
    }

    public override string NextOutboxId(string table, string id) => $"(SELECT max({id}) + 1 FROM {table})";
}
