using System.Data.Common;
using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.DependencyInjection;

namespace Cuckoo.EventBus.Storage;

/// <summary>An open connection of the bus's own, through the user's context and so with the user's settings.</summary>
internal sealed class DatabaseSession(AsyncServiceScope scope, DbContext context) : IAsyncDisposable
{
    private readonly Dictionary<string, KeptCommand> _kept = new(StringComparer.Ordinal);
    private bool? _mayPrepare;

    public DbContext Context => context;

    public DbConnection Connection { get; } = context.Database.GetDbConnection();

    public DbCommand Command(string sql, DbTransaction? transaction = null)
    {
        var command = Connection.CreateCommand();
        command.CommandText = sql;
        command.Transaction = transaction;
        return command;
    }

    /// <summary>A command that this session runs again and again. With its parameters, it is the session's; nobody else disposes it.</summary>
    public DbCommand Kept(string sql)
    {
        if (!_kept.TryGetValue(sql, out var kept))
        {
            _kept[sql] = kept = new KeptCommand(Command(sql));
        }

        return kept.Command;
    }

    /// <summary>Spares the server to parse and plan a kept command each time, where it is safe; to be called when its parameters are set.</summary>
    public async ValueTask PrepareAsync(SqlDialect dialect, DbCommand command, CancellationToken ct)
    {
        var kept = _kept[command.CommandText];
        if (!kept.IsPrepared && (_mayPrepare ??= await dialect.MayPrepareAsync(Connection, transaction: null, ct).ConfigureAwait(false)))
        {
            await command.PrepareAsync(ct).ConfigureAwait(false);
            kept.IsPrepared = true;
        }
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

    public async ValueTask DisposeAsync()
    {
        foreach (var kept in _kept.Values)
        {
            await kept.Command.DisposeAsync().ConfigureAwait(false);
        }

        await scope.DisposeAsync().ConfigureAwait(false);
    }

    private sealed class KeptCommand(DbCommand command)
    {
        public DbCommand Command => command;

        public bool IsPrepared { get; set; }
    }
}
