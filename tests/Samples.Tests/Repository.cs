using System.Reflection;

namespace Samples.Tests;

/// <summary>The files of this repository, and what was built of them.</summary>
internal static class Repository
{
    public static string Root { get; } = Metadata("RepositoryRoot");

    /// <summary>Debug or Release, as these tests were built.</summary>
    public static string Configuration { get; } = Metadata("Output").Split('/')[1];

    public static string PathOf(string relative) => Path.Combine(Root, relative);

    /// <summary>A sample's assembly, of the configuration that these tests are of.</summary>
    public static string ProgramOf(string sample) => PathOf($"samples/{sample}/{Metadata("Output")}/{sample}.dll");

    private static string Metadata(string key) =>
        typeof(Repository).Assembly.GetCustomAttributes<AssemblyMetadataAttribute>().Single(a => a.Key == key).Value!;
}
