using Cuckoo.EventBus.DeadLetters;
using Cuckoo.EventBus.Inbox;
using Cuckoo.EventBus.Outbox;
using Cuckoo.EventBus.Retrying;
using Cuckoo.EventBus.Storage;
using Microsoft.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore.Metadata.Builders;

namespace Cuckoo.EventBus;

/// <summary>Adds the bus's tables to a context's model.</summary>
public static class EventBusModelBuilderExtensions
{
    private const int NameLength = 200;
    private const int TopicLength = 249;
    private const int ErrorLength = 2000;

    /// <summary>
    /// Adds the tables of outbox, inbox, retries and dead letters. Call it in <c>OnModelCreating</c> of each context that is
    /// given to <c>UseOutbox</c>, then add a migration as for any other change of the model.
    /// </summary>
    /// <param name="model">The context's model.</param>
    /// <param name="configure">Changes the tables' names, their schema or the number of lanes. Default: nothing.</param>
    /// <returns>The model builder.</returns>
    /// <exception cref="ArgumentOutOfRangeException">The number of lanes is not 1 to 1024.</exception>
    public static ModelBuilder AddEventBus(this ModelBuilder model, Action<EventBusTables>? configure = null)
    {
        ArgumentNullException.ThrowIfNull(model);
        var tables = new EventBusTables();
        configure?.Invoke(tables);
        ArgumentOutOfRangeException.ThrowIfLessThan(tables.Lanes, 1);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(tables.Lanes, 1024);

        model.Entity<OutboxMessage>(e => MapOutboxMessages(e.ToTable(tables.OutboxMessages, tables.Schema)));
        model.Entity<OutboxLane>(e => MapOutboxLanes(e.ToTable(tables.OutboxLanes, tables.Schema), tables.Lanes));
        model.Entity<InboxMessage>(e => MapInboxMessages(e.ToTable(tables.InboxMessages, tables.Schema)));
        model.Entity<RetryMessage>(e => MapRetryMessages(e.ToTable(tables.RetryMessages, tables.Schema)));
        model.Entity<DeadLetter>(e => MapDeadLetters(e.ToTable(tables.DeadLetters, tables.Schema)));
        return model;
    }

    private static void MapOutboxMessages(EntityTypeBuilder<OutboxMessage> e)
    {
        e.HasKey(m => m.Id);
        e.Property(m => m.Id).HasColumnName("id").ValueGeneratedOnAdd();
        e.Property(m => m.Lane).HasColumnName("lane");
        e.Property(m => m.Topic).HasColumnName("topic").HasMaxLength(TopicLength);
        e.Property(m => m.Key).HasColumnName("key");
        e.Property(m => m.EventId).HasColumnName("event_id").HasMaxLength(NameLength);
        e.Property(m => m.Type).HasColumnName("type").HasMaxLength(NameLength);
        e.Property(m => m.Headers).HasColumnName("headers");
        e.Property(m => m.Payload).HasColumnName("payload");
        e.Property(m => m.CreatedAt).HasColumnName("created_at");
        e.Property(m => m.DueAt).HasColumnName("due_at");
        e.Property(m => m.Attempts).HasColumnName("attempts");
        e.Property(m => m.LastError).HasColumnName("last_error").HasMaxLength(ErrorLength);
        e.Property(m => m.State).HasColumnName("state").HasConversion<short>();
        e.Ignore(m => m.Record);
        e.Ignore(m => m.IsWritten);
        e.Ignore(m => m.WrittenIn);
        e.Ignore(m => m.IsPutBack);

        // Partial, so that each costs only the rows it is for. The numbers are OutboxEntryState's.
        var table = e.Metadata.GetTableName();
        e.HasIndex(m => new { m.Lane, m.Id }, $"ix_{table}_pending").HasFilter("state = 0");
        e.HasIndex(m => new { m.Lane, m.DueAt }, $"ix_{table}_waiting").HasFilter("state = 1");
        e.HasIndex(m => m.DueAt, $"ix_{table}_scheduled").HasFilter("state = 2");
        e.HasIndex(m => m.EventId, $"ix_{table}_event_id").HasFilter("state = 2");
        e.HasIndex(m => m.Lane, $"ix_{table}_dead").HasFilter("state = 3");
    }

    private static void MapOutboxLanes(EntityTypeBuilder<OutboxLane> e, int lanes)
    {
        // With the claim, though a lane has one row: see OutboxLane.
        e.HasKey(l => new { l.Lane, l.Claim });
        e.Property(l => l.Lane).HasColumnName("lane").ValueGeneratedNever();
        e.Property(l => l.HashVersion).HasColumnName("hash_version");
        e.Property(l => l.Owner).HasColumnName("owner").HasMaxLength(NameLength);
        e.Property(l => l.Claim).HasColumnName("claim").ValueGeneratedNever();
        e.Property(l => l.LeaseUntil).HasColumnName("lease_until");
        e.Property(l => l.Wake).HasColumnName("wake");
        e.Property(l => l.Floor).HasColumnName("floor");
        e.HasData(Enumerable.Range(0, lanes).Select(lane => new OutboxLane { Lane = (short)lane, HashVersion = LaneHash.Version }));
    }

    private static void MapInboxMessages(EntityTypeBuilder<InboxMessage> e)
    {
        e.HasKey(m => new { m.ConsumerGroup, m.Consumer, m.Source, m.EventId });
        e.Property(m => m.ConsumerGroup).HasColumnName("consumer_group").HasMaxLength(NameLength);
        e.Property(m => m.Consumer).HasColumnName("consumer").HasMaxLength(NameLength);
        e.Property(m => m.Source).HasColumnName("source").HasMaxLength(NameLength);
        e.Property(m => m.EventId).HasColumnName("event_id").HasMaxLength(NameLength);
        e.Property(m => m.Outcome).HasColumnName("outcome").HasConversion<short>();
        e.Property(m => m.DecidedAt).HasColumnName("decided_at");
        e.HasIndex(m => m.DecidedAt, $"ix_{e.Metadata.GetTableName()}_decided_at");
    }

    private static void MapRetryMessages(EntityTypeBuilder<RetryMessage> e)
    {
        MapStoredRecord(e);
        e.Property(m => m.KeyHash).HasColumnName("key_hash");
        e.Property(m => m.DueAt).HasColumnName("due_at");
        e.Property(m => m.LastError).HasColumnName("last_error").HasMaxLength(ErrorLength);
        var table = e.Metadata.GetTableName();
        e.HasIndex(m => new { m.ConsumerGroup, m.Consumer, m.Topic, m.KafkaPartition, m.KafkaOffset, m.Source, m.EventId }, $"ux_{table}_record").IsUnique();
        // A key's rows in their order; and the first rows of keys, by when they are due, which are few whatever waits behind them.
        e.HasIndex(m => new { m.ConsumerGroup, m.Consumer, m.Topic, m.KafkaPartition, m.KeyHash, m.Id }, $"ix_{table}_key");
        e.HasIndex(m => new { m.ConsumerGroup, m.Topic, m.KafkaPartition, m.DueAt }, $"ix_{table}_due_at").HasFilter("due_at IS NOT NULL");
        // To count them by consumer.
        e.HasIndex(m => new { m.ConsumerGroup, m.Consumer }, $"ix_{table}_first").HasFilter("due_at IS NOT NULL");
    }

    private static void MapDeadLetters(EntityTypeBuilder<DeadLetter> e)
    {
        MapStoredRecord(e);
        e.Property(m => m.ExceptionType).HasColumnName("exception_type").HasMaxLength(NameLength);
        e.Property(m => m.ExceptionMessage).HasColumnName("exception_message").HasMaxLength(ErrorLength);
        e.Property(m => m.ExceptionStack).HasColumnName("exception_stack");
        e.Property(m => m.TraceId).HasColumnName("trace_id").HasMaxLength(32);
        var table = e.Metadata.GetTableName();
        e.HasIndex(m => new { m.ConsumerGroup, m.Consumer, m.CreatedAt }, $"ix_{table}_consumer");
        e.HasIndex(m => m.CreatedAt, $"ix_{table}_created_at");
    }

    private static void MapStoredRecord<T>(EntityTypeBuilder<T> e)
        where T : StoredRecord
    {
        e.HasKey(m => m.Id);
        e.Property(m => m.Id).HasColumnName("id").ValueGeneratedOnAdd();
        e.Property(m => m.ConsumerGroup).HasColumnName("consumer_group").HasMaxLength(NameLength);
        e.Property(m => m.Consumer).HasColumnName("consumer").HasMaxLength(NameLength);
        e.Property(m => m.Source).HasColumnName("source").HasMaxLength(NameLength);
        e.Property(m => m.EventId).HasColumnName("event_id").HasMaxLength(NameLength);
        e.Property(m => m.Type).HasColumnName("type").HasMaxLength(NameLength);
        e.Property(m => m.Topic).HasColumnName("topic").HasMaxLength(TopicLength);
        e.Property(m => m.KafkaPartition).HasColumnName("kafka_partition");
        e.Property(m => m.KafkaOffset).HasColumnName("kafka_offset");
        e.Property(m => m.RecordTimestamp).HasColumnName("record_timestamp");
        e.Property(m => m.Key).HasColumnName("key");
        e.Property(m => m.Headers).HasColumnName("headers");
        e.Property(m => m.Payload).HasColumnName("payload");
        e.Property(m => m.Attempts).HasColumnName("attempts");
        e.Property(m => m.FirstFailedAt).HasColumnName("first_failed_at");
        e.Property(m => m.LastFailedAt).HasColumnName("last_failed_at");
        e.Property(m => m.ReplayCount).HasColumnName("replay_count");
        e.Property(m => m.CreatedAt).HasColumnName("created_at");
    }
}
