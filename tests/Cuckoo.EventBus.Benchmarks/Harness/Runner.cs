using System.Diagnostics;

namespace Cuckoo.EventBus.Benchmarks.Harness;

/// <summary>Takes the measures one after the other. One that fails does not keep the others from being taken.</summary>
internal static class Runner
{
    public static async Task<int> RunAsync(BenchOptions options)
    {
        try
        {
            await using var bench = await Bench.StartAsync(options);
            var report = new Report(options, await bench.DescribeAsync());
            Report.Header();
            foreach (var measure in MeasureList.All.Where(m => options.Names.Count == 0 || options.Names.Contains(m.Name)))
            {
                await TakeAsync(measure, bench, report);
            }

            report.Summary();
            Bench.Say($"Details: {Path.GetRelativePath(Environment.CurrentDirectory, report.File)}");
            return report.IsComplete ? 0 : 1;
        }
        catch (MeasureFailedException e)
        {
            await Console.Error.WriteLineAsync(e.Message);
            return 1;
        }
    }

    private static async Task TakeAsync(IMeasure measure, Bench bench, Report report)
    {
        var clock = Stopwatch.StartNew();
        Bench.Say(measure.Name);
        try
        {
            report.Add(await measure.RunAsync(bench));
        }
        catch (Exception e)
        {
            // Whatever it is belongs into the report, and the other measures go on.
            await Console.Error.WriteLineAsync(e.ToString());
            report.Failed(measure.Name, e.Message.ReplaceLineEndings(" "));
        }

        Bench.Say($"{measure.Name}: {clock.Elapsed.TotalSeconds:0} s");
    }
}
