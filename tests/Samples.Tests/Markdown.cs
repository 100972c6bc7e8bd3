using System.Text.RegularExpressions;

namespace Samples.Tests;

/// <summary>A document of the repository.</summary>
internal sealed partial record Markdown(string Path, string Text)
{
    public static Markdown Read(string path) => new(path, File.ReadAllText(Repository.PathOf(path)));

    /// <summary>The code between fences of one language.</summary>
    public IEnumerable<CodeBlock> CodeBlocks(string language) => Fence.Matches(Text)
        .Where(fence => fence.Groups["language"].Value == language)
        .Select(fence => new CodeBlock(1 + Text.AsSpan(0, fence.Index).Count('\n'), fence.Groups["code"].Value));

    /// <summary>Where its links lead to, code left out.</summary>
    public IEnumerable<string> Links() => Link.Matches(Fence.Replace(Text, "")).Select(link => link.Groups[1].Value);

    /// <summary>The cells of the table whose first heading is this, without headings.</summary>
    public IEnumerable<string[]> Table(string heading) => Text.Split('\n')
        .SkipWhile(line => !line.StartsWith($"| {heading} |", StringComparison.Ordinal))
        .TakeWhile(line => line.StartsWith('|'))
        .Skip(2)
        .Select(line => line.Trim('|').Split('|', StringSplitOptions.TrimEntries));

    [GeneratedRegex(@"^```(?<language>\w*)\n(?<code>.*?)^```$", RegexOptions.Multiline | RegexOptions.Singleline)]
    private static partial Regex Fence { get; }

    [GeneratedRegex(@"\]\(([^)\s]+)\)")]
    private static partial Regex Link { get; }

    /// <param name="Line">Where it stands.</param>
    /// <param name="Text">The code.</param>
    internal sealed record CodeBlock(int Line, string Text)
    {
        /// <summary>Its lines without indentation and without empty ones.</summary>
        public string Normalized => Normalize(Text);

        public static string Normalize(string code) =>
            string.Concat(code.Split('\n', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries).Select(line => $"{line}\n"));
    }
}
