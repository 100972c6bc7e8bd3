using Cuckoo.EventBus.Benchmarks.HandWritten;
using Cuckoo.EventBus.Benchmarks.Harness;
using Cuckoo.EventBus.Benchmarks.Sample;
using Npgsql;
using NpgsqlTypes;

namespace Cuckoo.EventBus.Benchmarks.Backlog;

/// <summary>The same events in the hand-written outbox.</summary>
internal sealed class HandWrittenBacklog : IBacklog
{
    public string Table => "outbox";

    public string Columns => "share, topic, key, event_id, type, traceparent, payload";

    public string Part => "share";

    public async Task WriteAsync(NpgsqlBinaryImporter import, Target target, long number)
    {
        var record = OutboxRecord.From(BenchEvent.Create(number, DateTimeOffset.UtcNow), TraceParents.Next());
        await import.WriteAsync(OutboxTable.ShareOf(record.Key), NpgsqlDbType.Smallint);
        await import.WriteAsync(target.ForSide.Topic, NpgsqlDbType.Text);
        await import.WriteAsync(record.Key, NpgsqlDbType.Bytea);
        await import.WriteAsync(record.EventId, NpgsqlDbType.Uuid);
        await import.WriteAsync(BenchEvent.TypeName, NpgsqlDbType.Text);
        await import.WriteAsync(record.TraceParent, NpgsqlDbType.Text);
        await import.WriteAsync(record.Payload, NpgsqlDbType.Bytea);
    }
}
