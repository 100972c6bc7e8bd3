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

    /// <summary>
    /// Runs a command of several statements as one transaction. Where the database makes one of every single statement, it is
    /// begun; elsewhere those of a command are one already, and BEGIN and COMMIT would be two round trips more.
    /// </summary>
    public async Task<T> InTransactionAsync<T>(SqlDialect dialect, DbCommand command, Func<Task<T>> run, CancellationToken ct)
    {
        if (!dialect.HasOneWriter)
        {
            return await run().ConfigureAwait(false);
        }

        await using var transaction = await Connection.BeginTransactionAsync(ct).ConfigureAwait(false);
        command.Transaction = transaction;
        var result = await run().ConfigureAwait(false);
        await transaction.CommitAsync(ct).ConfigureAwait(false);
        return result;
    }

    public ValueTask DisposeAsync() => scope.DisposeAsync();
}
