using System.Data.Common;
using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.Logging;

namespace Cuckoo.EventBus.Storage;

/// <summary>
/// Compares the bus's tables with what this version needs, when the host starts and for the health check. A database that is away, or
/// has none of the tables yet, is no error at the start: the host starts all the same, and what waits for the database says so.
/// </summary>
internal sealed class SchemaCheck(EventBusDatabases databases, TimeProvider time, ILogger<SchemaCheck> logger)
{
    /// <summary>How long a start waits for a database.</summary>
    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(5);

    /// <summary>What is wrong, one sentence each.</summary>
    public async Task<IReadOnlyList<string>> FindErrorsAsync(CancellationToken ct)
    {
        var errors = new List<string>();
        foreach (var database in databases.All)
        {
            using var limit = new CancellationTokenSource(Limit, time);
            using var both = CancellationTokenSource.CreateLinkedTokenSource(ct, limit.Token);
            try
            {
                await using var session = await database.OpenAsync(both.Token).ConfigureAwait(false);
                errors.AddRange(await FindErrorsAsync(database, session, both.Token).ConfigureAwait(false));
            }
            catch (Exception e) when (!ct.IsCancellationRequested && (e is DbException or InvalidOperationException or TimeoutException or OperationCanceledException))
            {
                StorageLog.NotChecked(logger, e, database.Name);
            }
        }

        return errors;
    }

    /// <summary>What is wrong with one database's tables, also where it has none of them, one sentence each.</summary>
    public static async Task<IReadOnlyList<string>> LookAsync(EventBusDatabase database, CancellationToken ct)
    {
        await using var session = await database.OpenAsync(ct).ConfigureAwait(false);
        try
        {
            return await FindErrorsAsync(database, session, ct).ConfigureAwait(false);
        }
        catch (DbException e) when (database.Layout.Dialect.IsNoTable(e))
        {
            return [$"{database.Name} has not all tables of the event bus ({e.Message.Split('\n')[0].TrimEnd()}). " + await RemedyAsync(session, ct).ConfigureAwait(false)];
        }
    }

    private static async Task<List<string>> FindErrorsAsync(EventBusDatabase database, DatabaseSession session, CancellationToken ct)
    {
        var errors = new List<string>();
        foreach (var (table, columns) in database.Layout.Columns)
        {
            var missing = columns.Except(await ColumnsAsync(session, table, ct).ConfigureAwait(false), StringComparer.Ordinal).ToList();
            if (missing.Count > 0)
            {
                errors.Add(
                    $"Table {table} of {database.Name} lacks {string.Join(", ", missing)}: an older version of Cuckoo.EventBus made it. " + await RemedyAsync(session, ct).ConfigureAwait(false));
            }
        }

        if (await database.Layout.Dialect.IsolationAsync(session, ct).ConfigureAwait(false) is { } isolation and not "read committed")
        {
            errors.Add(
                $"The database of {database.Name} begins transactions with isolation level {isolation}; the relay's statements need to see what was committed just before them. Leave default_transaction_isolation of this database and user at read committed, and choose another level in BeginTransaction where you need it.");
        }

        return errors;
    }

    private static async Task<List<string>> ColumnsAsync(DatabaseSession session, string table, CancellationToken ct)
    {
        await using var command = session.Command($"SELECT * FROM {table} WHERE 1 = 0");
        await using var reader = await command.ExecuteReaderAsync(ct).ConfigureAwait(false);
        return [.. Enumerable.Range(0, reader.FieldCount).Select(reader.GetName)];
    }

    /// <summary>The migration that is missing, by name where there is one.</summary>
    private static async Task<string> RemedyAsync(DatabaseSession session, CancellationToken ct)
    {
        var pending = (await session.Context.Database.GetPendingMigrationsAsync(ct).ConfigureAwait(false)).ToList();
        return pending.Count > 0
            ? $"Apply the context's pending migrations: {string.Join(", ", pending)}."
            : "Add a migration (dotnet ef migrations add UpdateEventBus) and apply it; a table that EnsureCreated made has to be made anew.";
    }
}
