using System.Data;
using System.Data.Common;
using Cuckoo.EventBus.Wire;

namespace Cuckoo.EventBus.Storage;

/// <summary>The columns that parked records and dead letters have in common.</summary>
internal static class StoredRecordSql
{
    public const string Columns =
        "consumer_group, consumer, source, event_id, type, topic, kafka_partition, kafka_offset, record_timestamp, key, headers, payload, attempts, first_failed_at, last_failed_at, replay_count, created_at";

    public const string Values =
        "@group, @consumer, @source, @event, @type, @topic, @partition, @offset, @timestamp, @key, @headers, @payload, @attempts, @first, @last, @replays, @now";

    /// <summary>The columns of the record itself, for <see cref="ReadRecord"/>.</summary>
    public const string RecordColumns = "topic, kafka_partition, kafka_offset, record_timestamp, key, headers, payload";

    private const int MaxTypeLength = 200;

    /// <summary>The event type's name as the tables hold it.</summary>
    public static string TypeOf(IncomingEvent incoming) => ErrorText.Storable(incoming.TypeName, MaxTypeLength);

    public static void AddRecord(this DbCommand command, IncomingRecord record)
    {
        command.AddParameter("topic", record.Topic);
        command.AddParameter("partition", record.Partition);
        command.AddParameter("offset", record.Offset);
        command.AddParameter("timestamp", record.Timestamp.UtcDateTime);
        command.AddParameter("key", record.Key, DbType.Binary);
        command.AddParameter("headers", HeaderBlock.Write(record.Headers));
        command.AddParameter("payload", record.Value, DbType.Binary);
    }

    /// <param name="reader">A row.</param>
    /// <param name="at">Where <see cref="RecordColumns"/> begin.</param>
    public static IncomingRecord ReadRecord(this DbDataReader reader, int at) => new()
    {
        Topic = reader.GetString(at),
        Partition = reader.GetInt32(at + 1),
        Offset = reader.GetInt64(at + 2),
        Timestamp = reader.GetUtc(at + 3),
        Key = reader.GetByteArray(at + 4),
        Headers = HeadersOf(reader.GetByteArray(at + 5) ?? []),
        Value = reader.GetByteArray(at + 6),
    };

    /// <summary>None where someone else wrote the row and the bytes are no headers: then nobody can read the event either.</summary>
    public static EventHeaders HeadersOf(byte[] block)
    {
        try
        {
            return HeaderBlock.Read(block);
        }
        catch (FormatException)
        {
            return [];
        }
    }

    /// <summary>A time, which every table here holds in UTC.</summary>
    public static DateTimeOffset GetUtc(this DbDataReader reader, int ordinal) =>
        new(DateTime.SpecifyKind(reader.GetDateTime(ordinal), DateTimeKind.Utc));
}
