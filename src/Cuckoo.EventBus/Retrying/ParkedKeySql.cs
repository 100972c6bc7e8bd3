using System.Data.Common;
using Cuckoo.EventBus.Kafka;
using Cuckoo.EventBus.Storage;

namespace Cuckoo.EventBus.Retrying;

/// <summary>How statements name the parked rows of a key, and which of them is due.</summary>
internal static class ParkedKeySql
{
    /// <summary>Besides the id: a person may have moved a row to another consumer, whose it is then.</summary>
    public const string OfConsumer = "consumer_group = @group AND consumer = @consumer";

    /// <summary>The rows of a key, with the parameters that <see cref="AddKey(DbCommand, ParkedRow)"/> adds.</summary>
    public const string OfKey = $"{OfConsumer} AND topic = @topic AND kafka_partition = @partition AND key_hash = @hash AND key = @key";

    /// <summary>
    /// That a row has a due time, in words that hide it from the planner: beside a key it would take the index of all rows that have
    /// one, first rows of thousands of keys, as long as it has no statistics of the table, which is when the first storm comes.
    /// </summary>
    public const string HasDueTime = "CASE WHEN due_at IS NULL THEN 0 ELSE 1 END = 1";

    /// <summary>Makes the first row of a key due, if it has no due time.</summary>
    public static string Promote(DatabaseLayout layout) =>
        $"UPDATE {layout.RetryMessages} SET due_at = {layout.Dialect.Now} WHERE due_at IS NULL AND id = (SELECT id FROM {layout.RetryMessages} WHERE {OfKey} ORDER BY id LIMIT 1)";

    /// <summary>
    /// The due time of a row that is put behind others of its key: none, unless the one that has one is gone, or about to go.
    /// It must not go before this transaction ends: whoever deletes it would not see this row, and it would never be due.
    /// </summary>
    public static string DueUnlessBehind(DatabaseLayout layout) =>
        $"CASE WHEN (SELECT 1 FROM {layout.RetryMessages} WHERE {OfKey} AND {HasDueTime} ORDER BY id LIMIT 1{layout.Dialect.Keep}) IS NULL THEN {layout.Dialect.Now} END";

    public static void AddRow(this DbCommand command, ParkedRow row)
    {
        command.AddParameter("id", row.Id);
        command.AddParameter("group", row.InboxKey.Group);
        command.AddParameter("consumer", row.InboxKey.Consumer);
    }

    public static void AddKey(this DbCommand command, ParkedRow row) => command.AddKey(
        row.InboxKey.Group, row.InboxKey.Consumer, new PartitionId(row.Record.Topic, row.Record.Partition), row.Record.Key!);

    public static void AddKey(this DbCommand command, string group, string consumer, PartitionId partition, byte[] key)
    {
        command.AddParameter("group", group);
        command.AddParameter("consumer", consumer);
        command.AddParameter("topic", partition.Topic);
        command.AddParameter("partition", partition.Partition);
        command.AddParameter("hash", ParkedKey.Hash(key));
        command.AddParameter("key", key);
    }
}
