using Microsoft.EntityFrameworkCore;

namespace Cuckoo.EventBus.TestKit.Sample;

/// <summary>The bus's own tables, whose names and columns are documented, without the library's code.</summary>
public static class BusTables
{
    public static Task<List<DeadLetterRow>> DeadLettersAsync(this DbContext db) =>
        db.Database.SqlQuery<DeadLetterRow>($"""
            SELECT id AS "Id", consumer_group AS "ConsumerGroup", consumer AS "Consumer", source AS "Source", event_id AS "EventId", type AS "Type",
                topic AS "Topic", kafka_partition AS "KafkaPartition", kafka_offset AS "KafkaOffset", key AS "Key", headers AS "Headers", payload AS "Payload",
                attempts AS "Attempts", first_failed_at AS "FirstFailedAt", last_failed_at AS "LastFailedAt", replay_count AS "ReplayCount",
                exception_type AS "ExceptionType", exception_message AS "ExceptionMessage", exception_stack AS "ExceptionStack", trace_id AS "TraceId"
            FROM dead_letters ORDER BY id
            """).ToListAsync();

    /// <summary>Parked records: of one key in the order in which they are handled.</summary>
    public static Task<List<RetryMessageRow>> ParkedAsync(this DbContext db) =>
        db.Database.SqlQuery<RetryMessageRow>($"""
            SELECT id AS "Id", consumer AS "Consumer", event_id AS "EventId", attempts AS "Attempts", replay_count AS "ReplayCount", due_at AS "DueAt",
                last_error AS "LastError"
            FROM retry_messages ORDER BY id
            """).ToListAsync();

    /// <summary>How many events the inbox remembers.</summary>
    public static Task<int> InboxAsync(this DbContext db) =>
        db.Database.SqlQuery<int>($"SELECT COUNT(*) AS \"Value\" FROM inbox_messages").SingleAsync();

    /// <summary>How many events the outbox holds, in whatever state.</summary>
    public static Task<int> OutboxAsync(this DbContext db) =>
        db.Database.SqlQuery<int>($"SELECT COUNT(*) AS \"Value\" FROM outbox_messages").SingleAsync();
}
