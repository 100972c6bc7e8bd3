using System.Diagnostics;
using System.Net;
using System.Net.NetworkInformation;
using System.Net.Sockets;
using System.Runtime.InteropServices;

namespace Cuckoo.EventBus.TestKit;

/// <summary>
/// A server that this process starts, and that does not outlive it: a shell stands between, and when the pipe to it closes,
/// also because this process was killed, it kills the server.
/// </summary>
public sealed partial class ServerProcess : IAsyncDisposable
{
    private const string Wrapper =
        """
        log=$1; shift
        exec 3<&0
        "$@" 3<&- </dev/null >>"$log" 2>&1 &
        child=$!
        echo "$child"
        ( while read -r _; do :; done; kill -0 $$ 2>/dev/null && kill -KILL "$child" 2>/dev/null ) <&3 >/dev/null &
        exec 3<&- 2>/dev/null
        wait "$child"
        """;

    private readonly Process _shell;
    private readonly string _logFile;

    private ServerProcess(Process shell, int id, string logFile)
    {
        _shell = shell;
        Id = id;
        _logFile = logFile;
    }

    /// <summary>The server's own process id.</summary>
    public int Id { get; }

    public bool HasExited => _shell.HasExited;

    /// <summary>The server's exit code once it has ended; 128 and the signal's number if a signal ended it.</summary>
    public int ExitCode => _shell.ExitCode;

    /// <summary>Starts a command that replaces itself by the server (exec), so that its process id is the server's.</summary>
    public static async Task<ServerProcess> StartAsync(IEnumerable<string> command, string logFile, IReadOnlyDictionary<string, string>? environment = null)
    {
        var start = new ProcessStartInfo("/bin/sh") { RedirectStandardInput = true, RedirectStandardOutput = true };
        foreach (var argument in command.Prepend(logFile).Prepend("sh").Prepend(Wrapper).Prepend("-c"))
        {
            start.ArgumentList.Add(argument);
        }

        foreach (var (name, value) in environment ?? new Dictionary<string, string>())
        {
            start.Environment[name] = value;
        }

        var shell = Process.Start(start)!;
        var id = await shell.StandardOutput.ReadLineAsync() ?? throw new InvalidOperationException($"The shell for {string.Join(' ', command)} did not start.");
        return new ServerProcess(shell, int.Parse(id, System.Globalization.CultureInfo.InvariantCulture), logFile);
    }

    /// <summary>Runs a command to its end.</summary>
    /// <exception cref="InvalidOperationException">It failed; the message has what it wrote.</exception>
    public static async Task<string> RunAsync(IEnumerable<string> command, IReadOnlyDictionary<string, string>? environment = null, string? input = null)
    {
        var start = new ProcessStartInfo(command.First())
        {
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
            WorkingDirectory = "/",
        };
        foreach (var argument in command.Skip(1))
        {
            start.ArgumentList.Add(argument);
        }

        foreach (var (name, value) in environment ?? new Dictionary<string, string>())
        {
            start.Environment[name] = value;
        }

        using var process = Process.Start(start)!;
        var output = process.StandardOutput.ReadToEndAsync();
        var error = process.StandardError.ReadToEndAsync();
        if (input is not null)
        {
            await process.StandardInput.WriteAsync(input);
        }

        process.StandardInput.Close();
        await process.WaitForExitAsync();
        return process.ExitCode == 0
            ? await output
            : throw new InvalidOperationException($"{string.Join(' ', command)} ended with {process.ExitCode}:\n{await output}{await error}");
    }

    /// <summary>A port of loopback that nobody listens on, outside the range that outgoing connections take theirs from.</summary>
    public static int FreePort()
    {
        var listening = IPGlobalProperties.GetIPGlobalProperties().GetActiveTcpListeners().Select(e => e.Port).ToHashSet();
        while (true)
        {
            var port = Random.Shared.Next(20_000, 32_000);
            if (listening.Contains(port))
            {
                continue;
            }

            try
            {
                using var probe = new TcpListener(IPAddress.Loopback, port);
                probe.Start();
                return port;
            }
            catch (SocketException)
            {
                // Taken in between.
            }
        }
    }

    /// <summary>Sends a signal to the server.</summary>
    public void Signal(PosixSignalNumber signal) => _ = Kill(Id, (int)signal);

    /// <summary>Waits until the server has ended, by whatever.</summary>
    public Task WaitForEndAsync(CancellationToken ct) => _shell.WaitForExitAsync(ct);

    /// <summary>Sends a signal to the server and waits until it is gone.</summary>
    public async Task StopAsync(PosixSignalNumber signal)
    {
        if (!_shell.HasExited)
        {
            Signal(signal);
        }

        using var limit = new CancellationTokenSource(TimeSpan.FromSeconds(30));
        try
        {
            await _shell.WaitForExitAsync(limit.Token);
        }
        catch (OperationCanceledException)
        {
            Signal(PosixSignalNumber.Kill);
            await _shell.WaitForExitAsync(CancellationToken.None);
        }
    }

    /// <summary>The last lines of what it wrote, for error messages.</summary>
    public string LogTail() => File.Exists(_logFile) ? string.Join('\n', File.ReadLines(_logFile).TakeLast(30)) : "";

    public async ValueTask DisposeAsync()
    {
        await StopAsync(PosixSignalNumber.Kill);
        _shell.Dispose();
    }

    [LibraryImport("libc", EntryPoint = "kill")]
    private static partial int Kill(int processId, int signal);
}
