using Cuckoo.EventBus.DeadLetters;
using Cuckoo.EventBus.Inbox;
using Cuckoo.EventBus.Outbox;
using Cuckoo.EventBus.Retrying;
using Microsoft.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore.Infrastructure;
using Microsoft.EntityFrameworkCore.Storage;

namespace Cuckoo.EventBus.Storage;

/// <summary>The dialect and the quoted table names of one context's database.</summary>
internal sealed class DatabaseLayout
{
    public required SqlDialect Dialect { get; init; }

    public required string OutboxMessages { get; init; }

    public required string OutboxLanes { get; init; }

    public required string InboxMessages { get; init; }

    public required string RetryMessages { get; init; }

    public required string DeadLetters { get; init; }

    /// <summary>The bus's tables, by their quoted names, and the columns that the model gives them.</summary>
    public required IReadOnlyDictionary<string, IReadOnlyList<string>> Columns { get; init; }

    /// <summary>Whether the model has entities that raise events.</summary>
    public required bool HasDomainEvents { get; init; }

    /// <exception cref="EventBusConfigurationException">The provider is another one, or the model lacks the tables.</exception>
    public static DatabaseLayout Of(DbContext context)
    {
        var name = context.GetType().Name;
        var dialect = SqlDialect.Of(context.Database.ProviderName) ?? throw new EventBusConfigurationException(
            [$"{name} uses {context.Database.ProviderName}. The outbox works on PostgreSQL (Npgsql.EntityFrameworkCore.PostgreSQL) and SQLite (Microsoft.EntityFrameworkCore.Sqlite): use one of them, or leave out UseOutbox<{name}>()."]);

        var sql = context.GetService<ISqlGenerationHelper>();
        return new DatabaseLayout
        {
            Dialect = dialect,
            OutboxMessages = Table<OutboxMessage>(),
            OutboxLanes = Table<OutboxLane>(),
            InboxMessages = Table<InboxMessage>(),
            RetryMessages = Table<RetryMessage>(),
            DeadLetters = Table<DeadLetter>(),
            Columns = new[] { typeof(OutboxMessage), typeof(OutboxLane), typeof(InboxMessage), typeof(RetryMessage), typeof(DeadLetter) }
                .Select(type => context.Model.FindEntityType(type)!)
                .ToDictionary(
                    entity => sql.DelimitIdentifier(entity.GetTableName()!, entity.GetSchema()),
                    IReadOnlyList<string> (entity) => [.. entity.GetProperties().Select(p => p.GetColumnName())],
                    StringComparer.Ordinal),
            HasDomainEvents = context.Model.GetEntityTypes().Any(e => e.ClrType.IsAssignableTo(typeof(IHasDomainEvents))),
        };

        string Table<TEntity>() => context.Model.FindEntityType(typeof(TEntity)) is { } entity && entity.GetTableName() is { } table
            ? sql.DelimitIdentifier(table, entity.GetSchema())
            : throw new EventBusConfigurationException(
                [$"The model of {name} has no event bus tables. Call model.AddEventBus() in {name}.OnModelCreating and add a migration."]);
    }
}
