using System.Text;
using Confluent.Kafka;
using Microsoft.Extensions.Hosting;
using Npgsql;

namespace Cuckoo.EventBus.Chaos.Outbox.BrokenRelays;

/// <summary>What the relays with a flaw have in common. Trouble makes them pause and go on, as their authors would have it.</summary>
internal abstract class BrokenRelay(WorkerSettings settings) : BackgroundService
{
    /// <summary>While there is nothing to do.</summary>
    protected static readonly TimeSpan Idle = TimeSpan.FromMilliseconds(20);

    /// <summary>How many loops relay at the same time, each with a connection and a producer of its own.</summary>
    protected virtual int Loops => 1;

    /// <summary>How long the producer waits for more.</summary>
    protected virtual int LingerMs => 5;

    protected WorkerSettings Settings => settings;

    /// <summary>Relays some rows.</summary>
    /// <returns>Whether there were any.</returns>
    protected abstract Task<bool> RelayAsync(NpgsqlConnection connection, IProducer<byte[]?, byte[]?> producer, CancellationToken ct);

    /// <summary>Reads rows by a statement that selects id, topic, key, event_id and payload.</summary>
    protected static async Task<List<BrokenRelayRow>> ReadAsync(NpgsqlConnection connection, string sql, CancellationToken ct, params object[] parameters)
    {
        await using var command = Command(connection, sql, parameters);
        await using var reader = await command.ExecuteReaderAsync(ct);
        var rows = new List<BrokenRelayRow>();
        while (await reader.ReadAsync(ct))
        {
            rows.Add(new BrokenRelayRow(
                reader.GetInt64(0), reader.GetString(1), reader.IsDBNull(2) ? null : reader.GetFieldValue<byte[]>(2), reader.GetString(3), reader.GetFieldValue<byte[]>(4)));
        }

        return rows;
    }

    /// <summary>Deletes rows by their ids.</summary>
    protected static Task DeleteAsync(NpgsqlConnection connection, IEnumerable<BrokenRelayRow> rows, CancellationToken ct) =>
        ExecuteAsync(connection, "DELETE FROM outbox_messages WHERE id = ANY($1)", ct, rows.Select(r => r.Id).ToArray());

    protected static async Task ExecuteAsync(NpgsqlConnection connection, string sql, CancellationToken ct, params object[] parameters)
    {
        await using var command = Command(connection, sql, parameters);
        await command.ExecuteNonQueryAsync(ct);
    }

    /// <summary>Sends rows in their order and waits for all acknowledgements.</summary>
    protected static Task SendAsync(IProducer<byte[]?, byte[]?> producer, IEnumerable<BrokenRelayRow> rows, CancellationToken ct) =>
        Task.WhenAll(rows.Select(row => producer.ProduceAsync(
            row.Topic,
            new Message<byte[]?, byte[]?> { Key = row.Key, Value = row.Payload, Headers = new Headers { { "ce_id", Encoding.UTF8.GetBytes(row.EventId) } } },
            ct)).ToList());

    protected override Task ExecuteAsync(CancellationToken stoppingToken) =>
        Task.WhenAll(Enumerable.Range(0, Loops).Select(_ => Task.Run(() => LoopAsync(stoppingToken), stoppingToken)));

    private static NpgsqlCommand Command(NpgsqlConnection connection, string sql, object[] parameters)
    {
        var command = new NpgsqlCommand(sql, connection);
        foreach (var parameter in parameters)
        {
            command.Parameters.Add(new NpgsqlParameter { Value = parameter });
        }

        return command;
    }

    private async Task LoopAsync(CancellationToken ct)
    {
        using var producer = new ProducerBuilder<byte[]?, byte[]?>(new ProducerConfig
        {
            BootstrapServers = settings.Brokers,
            Partitioner = Partitioner.Murmur2Random,
            LingerMs = LingerMs,
        }).SetLogHandler(static (_, _) => { }).Build();
        while (!ct.IsCancellationRequested)
        {
            try
            {
                await using var connection = new NpgsqlConnection(settings.Database);
                await connection.OpenAsync(ct);
                while (true)
                {
                    if (!await RelayAsync(connection, producer, ct))
                    {
                        await Task.Delay(Idle, ct);
                    }
                }
            }
            catch (Exception e) when (e is NpgsqlException or KafkaException or IOException)
            {
                await Task.Delay(TimeSpan.FromMilliseconds(200), CancellationToken.None);
            }
            catch (OperationCanceledException)
            {
                return;
            }
        }
    }
}
