using System.Diagnostics;
using Npgsql;

namespace Cuckoo.EventBus.Chaos;

/// <summary>Says every few seconds how far a run is.</summary>
internal sealed class ProgressLine(Journal journal)
{
    private static readonly TimeSpan Interval = TimeSpan.FromSeconds(5);

    private readonly Stopwatch _clock = Stopwatch.StartNew();

    /// <param name="counts">What the line says; the database may be away while it asks.</param>
    /// <param name="ct">Ends it.</param>
    public async Task ReportAsync(Func<CancellationToken, Task<string>> counts, CancellationToken ct)
    {
        var last = "";
        while (true)
        {
            try
            {
                await Task.Delay(Interval, ct);
                last = await counts(ct);
            }
            catch (NpgsqlException)
            {
                last = $"(before) {last.Replace("(before) ", "", StringComparison.Ordinal)}";
            }
            catch (OperationCanceledException)
            {
                return;
            }

            Console.WriteLine($"{_clock.Elapsed:mm\\:ss}  {last}  {journal.Last?.Text.Split('\n')[0]}");
        }
    }
}
