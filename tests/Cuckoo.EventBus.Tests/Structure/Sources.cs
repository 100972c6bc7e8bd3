using System.Text.RegularExpressions;

namespace Cuckoo.EventBus.Tests.Structure;

/// <summary>The repository's files, from wherever the tests run.</summary>
internal static partial class Sources
{
    public static string Root { get; } = FindRoot();

    /// <summary>The library's own files: path below <c>src/Cuckoo.EventBus</c> and the code in them, without comments.</summary>
    public static IReadOnlyList<(string Path, string Code)> Library { get; } = Read("src/Cuckoo.EventBus");

    public static IReadOnlyList<(string Path, string Code)> Read(string folder)
    {
        var full = Path.Combine(Root, folder);
        return
        [
            .. Directory.EnumerateFiles(full, "*.cs", SearchOption.AllDirectories)
                .Select(file => (Path: Path.GetRelativePath(full, file), File: file))
                .Where(f => !f.Path.StartsWith("obj", StringComparison.Ordinal) && !f.Path.StartsWith("bin", StringComparison.Ordinal))
                .Select(f => (f.Path, Comment().Replace(File.ReadAllText(f.File), ""))),
        ];
    }

    private static string FindRoot()
    {
        var folder = new DirectoryInfo(AppContext.BaseDirectory);
        while (!File.Exists(Path.Combine(folder.FullName, "Cuckoo.EventBus.sln")))
        {
            folder = folder.Parent ?? throw new InvalidOperationException($"No Cuckoo.EventBus.sln above {AppContext.BaseDirectory}.");
        }

        return folder.FullName;
    }

    [GeneratedRegex(@"(?m)(^|\s)//.*$")]
    private static partial Regex Comment();
}
