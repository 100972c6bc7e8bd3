using System.Data.Common;
using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.DependencyInjection;

namespace Cuckoo.EventBus.Storage;

/// <summary>An open connection of the bus's own, through the user's context and so with the user's settings.</summary>
internal sealed class DatabaseSession(AsyncServiceScope scope, DbContext context) : IAsyncDisposable
{
    public DbContext Context => context;

    public DbConnection Connection { get; } = context.Database.GetDbConnection();

    public DbCommand Command(string sql, DbTransaction? transaction = null)
    {
        var command = Connection.CreateCommand();
        command.CommandText = sql;
        command.Transaction = transaction;
        return command;
    }

    public ValueTask DisposeAsync() => scope.DisposeAsync();
}
