using System.Runtime.InteropServices;
using Cuckoo.EventBus.Chaos;
using Cuckoo.EventBus.Chaos.Consumer;
using Cuckoo.EventBus.Chaos.Outbox;

// A worker is ended by signals like any service; its host handles them.
switch (args)
{
    case [OutboxWorker.Role, var settings]:
        return await OutboxWorker.RunAsync(WorkerSettings.Parse(settings));
    case [ConsumerWorker.Role, var settings]:
        return await ConsumerWorker.RunAsync(ConsumerWorkerSettings.Parse(settings));
}

if (args.Length == 0 || args.Contains("--help") || args.Contains("-h"))
{
    Console.WriteLine(ChaosOptions.Usage);
    return args.Length == 0 ? 2 : 0;
}

using var interrupted = new CancellationTokenSource();
using var ctrlC = PosixSignalRegistration.Create(PosixSignal.SIGINT, Interrupt);
using var terminate = PosixSignalRegistration.Create(PosixSignal.SIGTERM, Interrupt);
using var hangUp = PosixSignalRegistration.Create(PosixSignal.SIGHUP, Interrupt);
try
{
    Trial[] trials = [OutboxChaos.Trial, ConsumerChaos.Trial];
    var trial = Array.Find(trials, trial => trial.Name == args[0]) ?? throw new ChaosException($"There is nothing called '{args[0]}' to try. See --help.");
    return await trial.RunAsync(ChaosOptions.Parse(trial, args[1..]), interrupted.Token);
}
catch (ChaosException e)
{
    Console.Error.WriteLine(e.Message);
    return 2;
}
catch (OperationCanceledException) when (interrupted.IsCancellationRequested)
{
    Console.Error.WriteLine("Interrupted: everything that was started is ended.");
    return 130;
}
catch (Exception e)
{
    Console.Error.WriteLine($"The test itself failed: {e}");
    return 2;
}

void Interrupt(PosixSignalContext signal)
{
    signal.Cancel = true;
    interrupted.Cancel();
}
