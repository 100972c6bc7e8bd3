using Microsoft.Extensions.Hosting;
using Npgsql;

namespace Cuckoo.EventBus.Chaos.Consumer.Flaws;

/// <summary>Takes the marks out of the inbox as soon as they are committed: as if there were none.</summary>
internal sealed class InboxEraser(ConsumerWorkerSettings settings) : BackgroundService
{
    private static readonly TimeSpan Interval = TimeSpan.FromMilliseconds(20);

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        while (!stoppingToken.IsCancellationRequested)
        {
            await using var connection = new NpgsqlConnection(settings.Database);
            await connection.OpenAsync(stoppingToken);
            // Whatever another eraser is about to take is left to it, or the two might wait for each other.
            await using var command = new NpgsqlCommand("DELETE FROM inbox_messages WHERE ctid = ANY(ARRAY(SELECT ctid FROM inbox_messages FOR UPDATE SKIP LOCKED))", connection);
            await command.ExecuteNonQueryAsync(stoppingToken);
            await Task.Delay(Interval, stoppingToken).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
    }
}
