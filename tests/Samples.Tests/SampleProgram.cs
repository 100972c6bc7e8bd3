using System.Text.RegularExpressions;

namespace Samples.Tests;

/// <summary>A sample that runs as a process of its own, from what was built of it, as <c>dotnet run</c> would start it.</summary>
internal sealed partial class SampleProgram : IAsyncDisposable
{
    /// <summary>For whatever such a process takes long to do; the machine may be busy.</summary>
    public static readonly TimeSpan Limit = TimeSpan.FromMinutes(2);

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

    public static async Task<SampleProgram> StartAsync(string sample, IEnumerable<string> arguments, IReadOnlyDictionary<string, string>? environment = null)
    {
        var log = Path.GetTempFileName();
        // The folder is where `dotnet run` starts it. A shell that starts something in the background has it ignore Ctrl-C.
        string[] command = ["env", "-C", Repository.PathOf($"samples/{sample}"), "--default-signal=INT", "dotnet", Repository.ProgramOf(sample), .. arguments];
        return new SampleProgram(sample, await ServerProcess.StartAsync(command, log, environment), log);
    }

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
            () => Task.FromResult(pattern.Match(Output)), match => match.Success || _process.HasExited, Limit, $"{_sample} says {pattern}. It says:\n{Output}");
        Assert.True(match.Success, $"{_sample} ended with {(_process.HasExited ? _process.ExitCode : 0)} and has not said {pattern}. It said:\n{Output}");
        return match;
    }

    /// <summary>Waits until it serves HTTP, which it does when everything else of it has started.</summary>
    public async Task<Uri> ListensAsync() => new((await SaysAsync(Listening)).Groups[1].Value);

    /// <summary>Waits for its end.</summary>
    /// <returns>Its exit code.</returns>
    public async Task<int> EndAsync()
    {
        await Eventually.True(() => _process.HasExited, Limit, $"the end of {_sample}");
        return _process.ExitCode;
    }

    /// <summary>Stops it by a signal.</summary>
    /// <returns>Its exit code.</returns>
    public async Task<int> StopAsync(PosixSignalNumber signal)
    {
        await _process.StopAsync(signal);
        return _process.ExitCode;
    }

    public async ValueTask DisposeAsync()
    {
        await _process.DisposeAsync();
        File.Delete(_log);
    }

    [GeneratedRegex(@"Now listening on: (http://\S+)")]
    private static partial Regex Listening { get; }
}
