using Cuckoo.EventBus.Benchmarks.Harness;
using Cuckoo.EventBus.Benchmarks.Sides;

// The same program is the harness and each measured side: both sides of a measure are the same type of process.
if (args is [SideProgram.Argument, var kind])
{
    return await SideProgram.RunAsync(Enum.Parse<SideKind>(kind));
}

BenchOptions options;
try
{
    options = BenchOptions.Parse(args);
}
catch (ArgumentException e)
{
    Console.Error.WriteLine(e.Message);
    return 2;
}

if (options.IsList)
{
    foreach (var measure in MeasureList.All)
    {
        Console.WriteLine($"{measure.Name,-24}{measure.Description}");
    }

    return 0;
}

return await Runner.RunAsync(options);
