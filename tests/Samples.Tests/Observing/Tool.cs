namespace Samples.Tests.Observing;

/// <summary>Programs that Debian's packages have, and that <c>.build/setup.sh --tests</c> only unpacks where installing would start a server.</summary>
internal static class Tool
{
    /// <summary>Where a program is. Ends the test where the machine has none.</summary>
    public static string Find(string name)
    {
        var found = (Environment.GetEnvironmentVariable("PATH") ?? "").Split(':').Append(Repository.PathOf("artifacts/tools"))
            .Select(folder => Path.Combine(folder, name)).FirstOrDefault(File.Exists);
        if (found is null)
        {
            Requirement.Missing($"No {name}: not on the PATH and not in artifacts/tools, where .build/setup.sh --tests puts it");
        }

        return found;
    }
}
