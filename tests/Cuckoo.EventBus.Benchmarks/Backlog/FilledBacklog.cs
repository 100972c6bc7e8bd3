namespace Cuckoo.EventBus.Benchmarks.Backlog;

/// <summary>A backlog to drain.</summary>
/// <param name="Table">Where it stands.</param>
/// <param name="Rows">How many.</param>
/// <param name="LastIds">Of each part that is drained on its own: when these are gone, all are as good as gone.</param>
internal sealed record FilledBacklog(string Table, int Rows, long[] LastIds);
