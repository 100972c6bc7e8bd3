using System.Text;
using Cuckoo.EventBus.Benchmarks.Harness;
using Cuckoo.EventBus.Benchmarks.Sample;
using Cuckoo.EventBus.Outbox;
using Cuckoo.EventBus.Wire;
using Npgsql;
using NpgsqlTypes;

namespace Cuckoo.EventBus.Benchmarks.Backlog;

/// <summary>Rows as the bus writes them.</summary>
internal sealed class OutboxBacklog : IBacklog
{
    private static readonly EventBusTables Tables = new();

    public string Table => Tables.OutboxMessages;

    public string Columns => "lane, topic, key, event_id, type, headers, payload, created_at, attempts, state";

    public string Part => "lane";

    public async Task WriteAsync(NpgsqlBinaryImporter import, Target target, long number)
    {
        var e = BenchEvent.Create(number, DateTimeOffset.UtcNow);
        var key = Encoding.UTF8.GetBytes(e.Key);
        var headers = new EventHeaders
        {
            { Headers.SpecVersion, "1.0" },
            { Headers.Id, e.EventId.ToString() },
            { Headers.Source, Sides.BusHost.ServiceName },
            { Headers.Type, BenchEvent.TypeName },
            { Headers.TraceParent, TraceParents.Next() },
        };
        await import.WriteAsync(LaneHash.Lane(target.ForSide.Topic, key, Tables.Lanes), NpgsqlDbType.Smallint);
        await import.WriteAsync(target.ForSide.Topic, NpgsqlDbType.Text);
        await import.WriteAsync(key, NpgsqlDbType.Bytea);
        await import.WriteAsync(e.EventId.ToString(), NpgsqlDbType.Text);
        await import.WriteAsync(BenchEvent.TypeName, NpgsqlDbType.Text);
        await import.WriteAsync(HeaderBlock.Write(headers), NpgsqlDbType.Bytea);
        await import.WriteAsync(e.ToJson(), NpgsqlDbType.Bytea);
        await import.WriteAsync(DateTime.UtcNow, NpgsqlDbType.TimestampTz);
        await import.WriteAsync(0, NpgsqlDbType.Integer);
        await import.WriteAsync((short)OutboxEntryState.Pending, NpgsqlDbType.Smallint);
    }
}
