using Cuckoo.EventBus.Benchmarks.Harness;
using Npgsql;

namespace Cuckoo.EventBus.Benchmarks.Backlog;

/// <summary>Fills an outbox by COPY, in one transaction, and leaves the table as if it had stood so for a while.</summary>
internal static class BacklogWriter
{
    /// <summary>Fills it and returns the last id of each part that is drained on its own.</summary>
    public static async Task<FilledBacklog> FillAsync(Target target, IBacklog backlog, int rows, bool isSettled = true)
    {
        await using (var connection = new NpgsqlConnection(target.ConnectionString))
        {
            await connection.OpenAsync();
            await using var import = await connection.BeginBinaryImportAsync($"COPY {backlog.Table} ({backlog.Columns}) FROM STDIN (FORMAT BINARY)");
            import.Timeout = TimeSpan.FromMinutes(10);
            for (var i = 0; i < rows; i++)
            {
                await import.StartRowAsync();
                await backlog.WriteAsync(import, target, i);
            }

            await import.CompleteAsync();
        }

        if (isSettled)
        {
            // Statistics, hint bits and dirty pages of the filling are not what is measured.
            await target.ExecuteAsync($"VACUUM (ANALYZE) {backlog.Table}");
            await target.ExecuteAsync("CHECKPOINT");
        }

        return new FilledBacklog(backlog.Table, rows, await target.AskAsync<long[]>($"SELECT coalesce(array_agg(id), ARRAY[]::bigint[]) FROM (SELECT max(id) AS id FROM {backlog.Table} GROUP BY {backlog.Part}) AS last"));
    }
}
