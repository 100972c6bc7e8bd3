using System.Runtime.InteropServices;
using Shop.Demo;

if (args.Contains("--help") || args.Contains("-h"))
{
    Console.WriteLine(DemoOptions.Usage);
    return 0;
}

using var interrupted = new CancellationTokenSource();
using var ctrlC = PosixSignalRegistration.Create(PosixSignal.SIGINT, Interrupt);
using var terminate = PosixSignalRegistration.Create(PosixSignal.SIGTERM, Interrupt);

DemoOptions options;
try
{
    options = DemoOptions.Parse(args);
}
catch (DemoException e)
{
    Console.Error.WriteLine(e.Message);
    return 2;
}

try
{
    return await Demo.RunAsync(options, interrupted.Token);
}
catch (DemoException e)
{
    Console.Error.WriteLine($"FAILED: {e.Message}");
    return 1;
}
catch (OperationCanceledException) when (interrupted.IsCancellationRequested)
{
    Console.Error.WriteLine("Interrupted: the services were stopped in order.");
    return 130;
}

void Interrupt(PosixSignalContext signal)
{
    signal.Cancel = true;
    interrupted.Cancel();
}
