using System.Data.Common;

namespace Cuckoo.EventBus.Storage;

/// <summary>The little in which the databases' SQL differs.</summary>
internal abstract class SqlDialect
{
    /// <summary>The database's clock.</summary>
    public abstract string Now { get; }

    /// <summary>
    /// A column more in a RETURNING list, for statements whose loss at a crash of the database server costs nothing but a
    /// repeat: the commit that follows does not wait for the disk.
    /// </summary>
    public abstract string FastCommitColumn { get; }

    /// <summary>
    /// Columns more in a RETURNING list: what follows in the transaction is planned by index, however small its tables are at that
    /// moment, because a prepared plan is kept when they grow.
    /// </summary>
    public abstract string PlanByIndexColumns { get; }

    /// <summary>The same as a statement before.</summary>
    public abstract string PlanByIndex { get; }

    /// <summary>Whether the database has one writer at a time, so that writers queue in <see cref="EventBusDatabase.EnterWriteAsync"/>.</summary>
    public abstract bool HasOneWriter { get; }

    /// <summary>The database's clock and a number of seconds, given as a parameter of type double.</summary>
    public abstract string NowPlus(string secondsParameter);

    /// <summary>A condition that a bigint column is one of the <see cref="Ids"/> in a parameter.</summary>
    public abstract string IsOneOf(string column, string parameter);

    /// <summary>A condition that a bigint column is none of the <see cref="Ids"/> in a parameter.</summary>
    public abstract string IsNoneOf(string column, string parameter);

    /// <summary>Ids as a parameter's value.</summary>
    public abstract object Ids(IReadOnlyCollection<long> ids);

    /// <summary>
    /// A table in a FROM clause, named <c>pair</c>, with columns <c>a</c> and <c>b</c>, two texts, and <c>n</c>, by which they have
    /// the order given. The texts become parameters, so neither has U+0000 or half a surrogate pair.
    /// </summary>
    public abstract string Pairs(DbCommand command, IReadOnlyList<(string A, string B)> pairs);

    /// <summary>A DELETE and then another statement: where the database can, as one.</summary>
    public abstract string DeleteThen(string delete, string statement);

    /// <summary>The number of seconds from the database's clock to a time.</summary>
    public abstract string SecondsUntil(string time);

    /// <summary>
    /// A SELECT of the transactions under way that may have rows of a table which nobody else sees yet;
    /// <see langword="null"/> where there is never one when a reader looks (one writer at a time).
    /// </summary>
    /// <param name="quotedTable">The table's quoted name.</param>
    public abstract string? Writers(string quotedTable);

    /// <summary>
    /// Statements of one transaction that insert again what they delete, so that it gets new, highest ids: no row is lost or
    /// doubled by others who do the same. Rows that someone else is at work on are left out.
    /// </summary>
    /// <param name="table">The table.</param>
    /// <param name="columns">The columns to carry over, without the id.</param>
    /// <param name="values">The same columns as they shall be.</param>
    /// <param name="condition">Which rows, and only on <see cref="Now"/> and literals.</param>
    /// <param name="limit">How many rows at most, the first in the order.</param>
    /// <param name="order">The order of their new ids.</param>
    public abstract string Renumber(string table, string columns, string values, string condition, string order, int limit);

    /// <summary>Ends a SELECT that leaves out rows at which another transaction is at work.</summary>
    public abstract string SkipLocked { get; }

    /// <summary>Ends a SELECT whose rows nobody else changes or deletes before the transaction ends.</summary>
    public abstract string Lock { get; }

    /// <summary>Ends a SELECT whose rows nobody else deletes before the transaction ends; others may change and keep them too.</summary>
    public abstract string Keep { get; }

    /// <summary>A statement inside a transaction that waits for others' locks only so long; then <see cref="IsLockTimeout"/>.</summary>
    /// <param name="statement">The statement.</param>
    /// <param name="limit">How long.</param>
    /// <param name="idleLimit">
    /// So long the rest of the transaction may stand between two statements before the server, where there is one, ends it, unless it
    /// is told a shorter time; <see langword="null"/> as it is told.
    /// </param>
    public abstract string WithLockTimeout(string statement, TimeSpan limit, TimeSpan? idleLimit = null);

    /// <summary>
    /// The same for an INSERT of one row that does nothing where its key is there, as a single statement, which costs the server a
    /// third of three. Where it inserts nothing, the limit stays until the transaction ends.
    /// </summary>
    /// <param name="table">The table.</param>
    /// <param name="columns">The columns.</param>
    /// <param name="values">Their values, in that order.</param>
    /// <param name="limit">How long.</param>
    /// <param name="idleLimit">As for <see cref="WithLockTimeout"/>.</param>
    public abstract string InsertUnlessThere(string table, string columns, string values, TimeSpan limit, TimeSpan? idleLimit);

    /// <summary>Whether a statement failed only because another transaction held a lock.</summary>
    public abstract bool IsLockTimeout(DbException exception);

    /// <summary>Whether a statement failed because a table it names is not there.</summary>
    public abstract bool IsNoTable(DbException exception);

    /// <summary>Whether what is prepared on an open connection is there when it is run.</summary>
    public abstract Task<bool> MayPrepareAsync(DbConnection connection, DbTransaction? transaction, CancellationToken ct);

    /// <summary>
    /// What the provider takes for the server's session that an open connection is in; <see langword="null"/> where there is none, or
    /// nothing to win by preparing in it.
    /// </summary>
    public abstract int? SessionOf(DbConnection connection);

    /// <summary>The isolation level that transactions begin with; <see langword="null"/> where there is only one.</summary>
    public abstract Task<string?> IsolationAsync(DatabaseSession session, CancellationToken ct);

    /// <summary>The dialect of an EF Core provider; <see langword="null"/> where the bus has none.</summary>
    public static SqlDialect? Of(string? provider) => provider switch
    {
        "Npgsql.EntityFrameworkCore.PostgreSQL" => new PostgreSqlDialect(),
        "Microsoft.EntityFrameworkCore.Sqlite" => new SqliteDialect(),
        _ => null,
    };
}
