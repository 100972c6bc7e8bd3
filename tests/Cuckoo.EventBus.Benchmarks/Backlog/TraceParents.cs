using System.Diagnostics;

namespace Cuckoo.EventBus.Benchmarks.Backlog;

/// <summary>Each row is of another trace.</summary>
internal static class TraceParents
{
    public static string Next() => $"00-{ActivityTraceId.CreateRandom().ToHexString()}-{ActivitySpanId.CreateRandom().ToHexString()}-01";
}
