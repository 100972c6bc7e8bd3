using Cuckoo.EventBus.Benchmarks.Sample;
using Npgsql;
using NpgsqlTypes;

namespace Cuckoo.EventBus.Benchmarks.HandWritten;

/// <summary>
/// The outbox as one would make it for one service: only what the five headers need, and for each worker a share of the keys,
/// so that a key's order holds.
/// </summary>
internal static class OutboxTable
{
    public const string Create = """
        CREATE TABLE outbox (
            id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
            share smallint NOT NULL,
            topic text NOT NULL,
            key bytea NOT NULL,
            event_id uuid NOT NULL,
            type text NOT NULL,
            traceparent text,
            payload bytea NOT NULL,
            created_at timestamptz NOT NULL DEFAULT now());
        CREATE INDEX ON outbox (share, id);
        """;

    private const string InsertOne = """
        INSERT INTO outbox (share, topic, key, event_id, type, traceparent, payload) VALUES ($1, $2, $3, $4, $5, $6, $7)
        """;

    private const string InsertMany = """
        INSERT INTO outbox (share, topic, key, event_id, type, traceparent, payload)
        SELECT share, $2, key, event_id, $5, $6, payload FROM unnest($1, $3, $4, $7) AS e (share, key, event_id, payload)
        """;

    /// <summary>As many shares as the relay has workers.</summary>
    public static int Shares { get; } = new RelayOptions().Concurrency;

    public static short ShareOf(ReadOnlySpan<byte> key)
    {
        var hash = 17u;
        foreach (var b in key)
        {
            hash = (hash * 31) + b;
        }

        return (short)(hash % (uint)Shares);
    }

    /// <summary>A command that inserts one record inside the connection's transaction.</summary>
    public static NpgsqlCommand Insert(NpgsqlConnection connection, string topic, OutboxRecord record, bool returnsId = false) => new(returnsId ? InsertOne + " RETURNING id" : InsertOne, connection)
    {
        Parameters =
        {
            new NpgsqlParameter<short> { TypedValue = ShareOf(record.Key) },
            new NpgsqlParameter<string> { TypedValue = topic },
            new NpgsqlParameter<byte[]> { TypedValue = record.Key },
            new NpgsqlParameter<Guid> { TypedValue = record.EventId },
            new NpgsqlParameter<string> { TypedValue = BenchEvent.TypeName },
            new NpgsqlParameter { Value = (object?)record.TraceParent ?? DBNull.Value, NpgsqlDbType = NpgsqlDbType.Text },
            new NpgsqlParameter<byte[]> { TypedValue = record.Payload },
        },
    };

    /// <summary>A command that inserts records of one trace inside the connection's transaction.</summary>
    public static NpgsqlCommand Insert(NpgsqlConnection connection, string topic, OutboxRecord[] records) => new(InsertMany, connection)
    {
        Parameters =
        {
            new NpgsqlParameter<short[]> { TypedValue = Array.ConvertAll(records, r => ShareOf(r.Key)) },
            new NpgsqlParameter<string> { TypedValue = topic },
            new NpgsqlParameter<byte[][]> { TypedValue = Array.ConvertAll(records, r => r.Key) },
            new NpgsqlParameter<Guid[]> { TypedValue = Array.ConvertAll(records, r => r.EventId) },
            new NpgsqlParameter<string> { TypedValue = BenchEvent.TypeName },
            new NpgsqlParameter { Value = (object?)records[0].TraceParent ?? DBNull.Value, NpgsqlDbType = NpgsqlDbType.Text },
            new NpgsqlParameter<byte[][]> { TypedValue = Array.ConvertAll(records, r => r.Payload) },
        },
    };
}
