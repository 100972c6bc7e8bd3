using System.Data.Common;
using Cuckoo.EventBus.Inbox;
using Cuckoo.EventBus.Kafka;
using Cuckoo.EventBus.Storage;

namespace Cuckoo.EventBus.Retrying;

/// <summary>
/// The parked records of one group in one database whose type nobody knew when they came, on topics that park such. When a partition
/// is assigned, so also right after a deployment, those whose type is known by now are given to the consumers that take it, and
/// all are looked at again. Invariant: nothing of a key that such a record belongs to is fed before.
/// </summary>
internal sealed class AwaitedTypes(EventBusDatabase database, BusSettings settings, string group, IReadOnlyList<ConsumerSettings> consumers, TimeProvider time)
{
    /// <summary>No handler has run yet: a record of an unknown type, or one that waits behind another.</summary>
    private const string Untried = "consumer_group = @group AND topic = @topic AND kafka_partition = @partition AND attempts = 0";

    private string Table => database.Layout.RetryMessages;

    private SqlDialect Dialect => database.Layout.Dialect;

    public async Task LookAgainAsync(PartitionId partition, CancellationToken ct)
    {
        if (settings.UnknownTypesOf(partition.Topic) is not UnknownEventTypes.Park)
        {
            return;
        }

        using var turn = await database.EnterWriteAsync(ct).ConfigureAwait(false);
        await using var session = await database.OpenAsync(ct).ConfigureAwait(false);
        await using var transaction = await session.Connection.BeginTransactionAsync(ct).ConfigureAwait(false);
        await RunAsync(session, transaction, partition, $"UPDATE {Table} SET due_at = {Dialect.Now} WHERE {Untried} AND due_at > {Dialect.Now}", _ => { }, ct).ConfigureAwait(false);
        foreach (var type in consumers.SelectMany(consumer => consumer.EventTypes).Where(type => type.Topic == partition.Topic).Select(type => type.Name).Distinct(StringComparer.Ordinal))
        {
            var takers = consumers.Where(consumer => consumer.EventTypes.Any(t => t.Topic == partition.Topic && t.Name == type)).Select(consumer => consumer.Name).ToList();
            var others = consumers.Select(consumer => consumer.Name).Except(takers).ToList();
            if (others.Count > 0)
            {
                foreach (var taker in takers)
                {
                    await GiveAsync(session, transaction, partition, type, others, taker, ct).ConfigureAwait(false);
                }
            }
        }

        await transaction.CommitAsync(ct).ConfigureAwait(false);
    }

    /// <summary>
    /// Parks at a consumer what is parked at others who don't take the type and so got it only because nobody knew it. Those pass
    /// over it when it is their turn. What the consumer has an outcome for stays as it is.
    /// </summary>
    private async Task GiveAsync(DatabaseSession session, DbTransaction transaction, PartitionId partition, string type, List<string> others, string taker, CancellationToken ct)
    {
        var names = string.Join(", ", others.Select((_, i) => $"@other{i}"));
        var given = $"{Untried} AND type = @type AND consumer IN ({names})";
        void AddParameters(DbCommand command)
        {
            command.AddParameter("type", type);
            command.AddParameter("taker", taker);
            for (var i = 0; i < others.Count; i++)
            {
                command.AddParameter($"other{i}", others[i]);
            }
        }

        // Which of them the taker has no outcome for must be asked before it gets one.
        var columns = StoredRecordSql.Columns.Replace("consumer_group, consumer,", "consumer_group, @taker,", StringComparison.Ordinal);
        var fresh = $"""
            {given} AND id IN (SELECT MIN(id) FROM {Table} WHERE {given} GROUP BY source, event_id)
            AND NOT EXISTS (SELECT 1 FROM {database.Layout.InboxMessages} i WHERE i.consumer_group = @group AND i.consumer = @taker AND i.source = {Table}.source AND i.event_id = {Table}.event_id)
            """;
        await RunAsync(
            session,
            transaction,
            partition,
            $"INSERT INTO {Table} ({StoredRecordSql.Columns}, key_hash, due_at) SELECT {columns}, key_hash, {Dialect.Now} FROM {Table} WHERE {fresh} ORDER BY id ON CONFLICT DO NOTHING",
            AddParameters,
            ct).ConfigureAwait(false);
        await RunAsync(
            session,
            transaction,
            partition,
            $"""
            INSERT INTO {database.Layout.InboxMessages} (consumer_group, consumer, source, event_id, outcome, decided_at)
            SELECT consumer_group, @taker, source, event_id, {(short)InboxOutcome.Parked}, @now FROM {Table} WHERE {fresh} ON CONFLICT DO NOTHING
            """,
            command =>
            {
                AddParameters(command);
                command.AddParameter("now", time.GetUtcNow().UtcDateTime);
            },
            ct).ConfigureAwait(false);
    }

    private async Task RunAsync(DatabaseSession session, DbTransaction transaction, PartitionId partition, string sql, Action<DbCommand> addParameters, CancellationToken ct)
    {
        await using var command = session.Command(sql, transaction);
        command.AddParameter("group", group);
        command.AddParameter("topic", partition.Topic);
        command.AddParameter("partition", partition.Partition);
        addParameters(command);
        await command.ExecuteNonQueryAsync(ct).ConfigureAwait(false);
    }
}
