using System.Diagnostics;
using System.Text.Json;
using Cuckoo.EventBus.Benchmarks.Sides;

namespace Cuckoo.EventBus.Benchmarks.Harness;

/// <summary>A measured side: this program again, in a process of its own that ends with this one.</summary>
internal sealed class SideProcess : IAsyncDisposable
{
    /// <summary>No piece of work takes longer, even of five million rows.</summary>
    private static readonly TimeSpan Limit = TimeSpan.FromMinutes(20);

    private readonly Process _process;

    private SideProcess(Process process) => _process = process;

    /// <summary>The working set of the moment, in bytes.</summary>
    public long WorkingSet
    {
        get
        {
            _process.Refresh();
            return _process.WorkingSet64;
        }
    }

    public static SideProcess Start(SideKind kind)
    {
        var program = Environment.ProcessPath!;
        var start = new ProcessStartInfo(program) { RedirectStandardInput = true, RedirectStandardOutput = true };
        if (Path.GetFileNameWithoutExtension(program) == "dotnet")
        {
            start.ArgumentList.Add(Path.Combine(AppContext.BaseDirectory, "Cuckoo.EventBus.Benchmarks.dll"));
        }

        start.ArgumentList.Add(SideProgram.Argument);
        start.ArgumentList.Add(kind.ToString());
        return new SideProcess(Process.Start(start)!);
    }

    public Task StartAsync(SideTarget target) => AskAsync(SideProgram.Start, target);

    public Task<SideResult> RunAsync(SideWork work) => AskAsync(SideProgram.Run, work);

    public Task StopAsync() => AskAsync(SideProgram.Stop, "");

    public async ValueTask DisposeAsync()
    {
        _process.StandardInput.Close();
        using var limit = new CancellationTokenSource(TimeSpan.FromSeconds(10));
        try
        {
            await _process.WaitForExitAsync(limit.Token);
        }
        catch (OperationCanceledException)
        {
            _process.Kill();
        }

        _process.Dispose();
    }

    private async Task<SideResult> AskAsync<T>(string command, T argument)
    {
        await _process.StandardInput.WriteLineAsync($"{command} {JsonSerializer.Serialize(argument)}");
        await _process.StandardInput.FlushAsync();
        var answer = await _process.StandardOutput.ReadLineAsync().WaitAsync(Limit);
        return answer?.Split(' ', 2) switch
        {
            [SideProgram.Done, var result] => JsonSerializer.Deserialize<SideResult>(result)!,
            [SideProgram.Failed, var error] => throw new MeasureFailedException($"A side failed: {JsonSerializer.Deserialize<string>(error)}"),
            _ => throw new MeasureFailedException($"A side ended, or said what nobody asked: {answer}"),
        };
    }
}
