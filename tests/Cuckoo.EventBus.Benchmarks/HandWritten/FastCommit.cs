using Npgsql;

namespace Cuckoo.EventBus.Benchmarks.HandWritten;

/// <summary>A data source for deletes: losing one at a crash only repeats a send, so they do not wait for the disk, as the bus's don't.</summary>
internal static class FastCommit
{
    public static NpgsqlDataSource DataSource(string connectionString) =>
        NpgsqlDataSource.Create(new NpgsqlConnectionStringBuilder(connectionString) { Options = "-c synchronous_commit=off" });
}
