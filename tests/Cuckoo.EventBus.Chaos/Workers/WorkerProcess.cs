namespace Cuckoo.EventBus.Chaos.Workers;

/// <summary>One life of a worker: this executable in the role of a worker, as a process of its own.</summary>
internal sealed class WorkerProcess : IAsyncDisposable
{
    private readonly ServerProcess _process;
    private readonly string _logFile;

    private WorkerProcess(string name, ServerProcess process, string logFile)
    {
        Name = name;
        _process = process;
        _logFile = logFile;
    }

    public string Name { get; }

    /// <summary>Whether it has ended; it may be put away by now, since the pool does not ask who else has it.</summary>
    public bool HasEnded
    {
        get
        {
            try
            {
                return _process.HasExited;
            }
            catch (InvalidOperationException)
            {
                return true;
            }
        }
    }

    public int ExitCode => _process.ExitCode;

    /// <summary>Whether its end is the harness's doing.</summary>
    public bool IsMeantToEnd { get; private set; }

    public static async Task<WorkerProcess> StartAsync(string name, string role, string settings, string log)
    {
        string[] command = [Environment.ProcessPath!, typeof(WorkerProcess).Assembly.Location, role, settings];
        return new WorkerProcess(name, await ServerProcess.StartAsync(command, log), log);
    }

    /// <summary>kill -9, also of one that is stopped.</summary>
    public void Kill()
    {
        IsMeantToEnd = true;
        SignalIfAlive(PosixSignalNumber.Kill);
    }

    /// <summary>Freezes it.</summary>
    public void Stop() => SignalIfAlive(PosixSignalNumber.Stop);

    public void Continue() => SignalIfAlive(PosixSignalNumber.Continue);

    /// <summary>Lets it end in order.</summary>
    public async Task TerminateAsync()
    {
        IsMeantToEnd = true;
        if (!HasEnded)
        {
            await _process.StopAsync(PosixSignalNumber.Terminate);
        }
    }

    public Task WaitForEndAsync(CancellationToken ct) => _process.WaitForEndAsync(ct);

    /// <summary>Whether it has written this.</summary>
    public bool HasSaid(string text) => File.Exists(_logFile) && File.ReadAllText(_logFile).Contains(text, StringComparison.Ordinal);

    public string LogTail() => _process.LogTail();

    public ValueTask DisposeAsync()
    {
        IsMeantToEnd = true;
        return _process.DisposeAsync();
    }

    private void SignalIfAlive(PosixSignalNumber signal)
    {
        // Its number may be someone else's by now.
        if (!HasEnded)
        {
            _process.Signal(signal);
        }
    }
}
