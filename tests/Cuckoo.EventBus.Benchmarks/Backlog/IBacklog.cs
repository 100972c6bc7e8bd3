using Cuckoo.EventBus.Benchmarks.Harness;
using Npgsql;

namespace Cuckoo.EventBus.Benchmarks.Backlog;

/// <summary>How an outbox's rows look: ours, or the hand-written one's.</summary>
internal interface IBacklog
{
    string Table { get; }

    string Columns { get; }

    /// <summary>The column that says which worker drains a row.</summary>
    string Part { get; }

    Task WriteAsync(NpgsqlBinaryImporter import, Target target, long number);
}
