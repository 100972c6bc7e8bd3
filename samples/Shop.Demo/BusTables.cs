using Microsoft.EntityFrameworkCore;

namespace Shop.Demo;

/// <summary>What the demo asks the bus's own tables, which are documented and may be read with SQL.</summary>
internal static class BusTables
{
    public static Task<int> OutboxRowsAsync(this DbContext db) =>
        db.Database.SqlQuery<int>($"SELECT COUNT(*) AS \"Value\" FROM outbox_messages").SingleAsync();

    /// <summary>Events applied: those dead-lettered have another outcome.</summary>
    public static Task<int> AppliedAsync(this DbContext db) =>
        db.Database.SqlQuery<int>($"SELECT COUNT(*) AS \"Value\" FROM inbox_messages WHERE outcome = 0").SingleAsync();

    public static Task<List<DeadLetterRow>> DeadLettersAsync(this DbContext db) =>
        db.Database.SqlQuery<DeadLetterRow>($"""
            SELECT consumer AS "Consumer", type AS "Type", event_id AS "EventId", attempts AS "Attempts", exception_type AS "ExceptionType", exception_message AS "Message"
            FROM dead_letters ORDER BY id
            """).ToListAsync();
}
