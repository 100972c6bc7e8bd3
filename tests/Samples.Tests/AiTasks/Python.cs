namespace Samples.Tests.AiTasks;

/// <summary>The sample's Python side: its scripts, run by the system's Python with Debian's kafka-python.</summary>
internal static class Python
{
    private const string Interpreter = "/usr/bin/python3";

    /// <summary>Ends the test where kafka-python is missing.</summary>
    public static async Task RequireKafkaAsync()
    {
        try
        {
            await ServerProcess.RunAsync([Interpreter, "-c", "import kafka"]);
        }
        catch (Exception e) when (e is InvalidOperationException or System.ComponentModel.Win32Exception)
        {
            Requirement.Missing($"{Interpreter} has no kafka-python (Debian: python3-kafka)");
        }
    }

    /// <summary>Runs one of the sample's scripts to its end.</summary>
    /// <returns>The lines that it printed.</returns>
    /// <exception cref="InvalidOperationException">It failed, or took longer than a minute.</exception>
    public static async Task<IReadOnlyList<string>> RunAsync(string script, params string[] arguments)
    {
        var output = await ServerProcess.RunAsync(["timeout", "60", Interpreter, Repository.PathOf($"samples/AiTasks/python/{script}"), .. arguments]);
        return output.Split('\n', StringSplitOptions.RemoveEmptyEntries);
    }
}
