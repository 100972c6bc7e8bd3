using System.Text.RegularExpressions;

namespace Samples.Tests;

/// <summary>A sample that runs as a process of its own, from what was built of it, as <c>dotnet run</c> would start it; or a script of the samples.</summary>
internal sealed partial class SampleProgram : IAsyncDisposable
{
    /// <summary>For whatever such a process takes long to do; the machine may be busy.</summary>
    public static readonly TimeSpan Limit = TimeSpan.FromMinutes(5);

    private readonly ServerProcess _process;
    private readonly string _sample;
    private readonly string _log;

    private SampleProgram(string sample, ServerProcess process, string log)
    {
        _sample = sample;
        _process = process;
        _log = log;
    }

    /// <summary>What it has written so far, errors among it.</summary>
    public string Output => File.ReadAllText(_log);

    /// <summary>Its process id.</summary>
    public int Id => _process.Id;

    // The folder is where `dotnet run` starts it.
    public static Task<SampleProgram> StartAsync(string sample, IEnumerable<string> arguments, IReadOnlyDictionary<string, string>? environment = null) =>
        StartAsync(sample, $"samples/{sample}", ["dotnet", Repository.ProgramOf(sample), .. arguments], environment);

    /// <param name="script">Its name, below <c>samples</c>.</param>
    /// <param name="arguments">Its arguments.</param>
    /// <param name="environment">What it finds in its environment besides.</param>
    public static Task<SampleProgram> StartScriptAsync(string script, IEnumerable<string> arguments, IReadOnlyDictionary<string, string>? environment = null) =>
        StartAsync(script, ".", [Repository.PathOf($"samples/{script}"), .. arguments], environment);

    /// <summary>Runs it to its end.</summary>
    public static async Task<(int ExitCode, string Output)> RunAsync(string sample, params string[] arguments)
    {
        await using var program = await StartAsync(sample, arguments);
        return (await program.EndAsync(), program.Output);
    }

    /// <summary>Waits for a text of its output.</summary>
    public async Task<Match> SaysAsync(Regex pattern)
    {
        var match = await Eventually.Until(
            () => Task.FromResult(pattern.Match(Output)), match => match.Success || _process.HasExited, Limit, $"{_sample} says {pattern}", () => Output);
        Assert.True(match.Success, $"{_sample} ended with {(_process.HasExited ? _process.ExitCode : 0)} and has not said {pattern}. It said:\n{Output}");
        return match;
    }

    /// <summary>Waits until it serves HTTP, which it does when everything else of it has started.</summary>
    public async Task<Uri> ListensAsync() => new((await SaysAsync(Listening)).Groups[1].Value);

    /// <summary>Waits for its end.</summary>
    /// <returns>Its exit code.</returns>
    public async Task<int> EndAsync()
    {
        await Eventually.Equal(true, () => Task.FromResult(_process.HasExited), Limit, $"{_sample} has ended", () => Output);
        return _process.ExitCode;
    }

    /// <summary>Stops it by a signal.</summary>
    /// <returns>Its exit code.</returns>
    public async Task<int> StopAsync(PosixSignalNumber signal)
    {
        await _process.StopAsync(signal);
        return _process.ExitCode;
    }

    /// <summary>Sends it a signal; <see cref="EndAsync"/> waits for what that may lead to.</summary>
    public void Signal(PosixSignalNumber signal) => _process.Signal(signal);

    public async ValueTask DisposeAsync()
    {
        await _process.DisposeAsync();
        File.Delete(_log);
    }

    private static async Task<SampleProgram> StartAsync(string name, string folder, IEnumerable<string> command, IReadOnlyDictionary<string, string>? environment)
    {
        var log = Path.GetTempFileName();
        // A shell that starts something in the background has it ignore Ctrl-C.
        return new SampleProgram(name, await ServerProcess.StartAsync(["env", "-C", Repository.PathOf(folder), "--default-signal=INT", .. command], log, environment), log);
    }

    [GeneratedRegex(@"Now listening on: (http://\S+)")]
    private static partial Regex Listening { get; }
}
