using System.Net;
using System.Text;
using System.Text.RegularExpressions;

namespace Samples.Tests.Shop;

/// <summary>A curl command of a README.</summary>
internal sealed partial record ReadmeRequest(string Method, string Service, string Path, string? Body)
{
    /// <summary>The commands of all of a document's blocks, in order.</summary>
    public static List<ReadmeRequest> ReadFrom(string document)
    {
        var services = ShopProcesses.Names.ToDictionary(PortOf);
        return [.. Markdown.Read(document).CodeBlocks("sh").SelectMany(block => Curl.Matches(block.Text.Replace("\\\n", "", StringComparison.Ordinal))).Select(curl => new ReadmeRequest(
            curl.Groups["method"].Success ? curl.Groups["method"].Value : curl.Groups["body"].Success ? "POST" : "GET",
            services[curl.Groups["port"].Value],
            curl.Groups["path"].Value,
            curl.Groups["body"].Success ? curl.Groups["body"].Value : null))];
    }

    /// <summary>What a document has psql ask.</summary>
    public static string SqlIn(string document) =>
        Markdown.Read(document).CodeBlocks("sh").Select(block => Psql.Match(block.Text)).Single(match => match.Success).Groups[1].Value;

    public async Task<(HttpStatusCode Status, string Body)> SendAsync(ShopProcesses shop)
    {
        using var request = new HttpRequestMessage(new HttpMethod(Method), Path)
        {
            Content = Body is null ? null : new StringContent(Body, Encoding.UTF8, "application/json"),
        };
        using var response = await shop.Http(Service).SendAsync(request);
        return (response.StatusCode, await response.Content.ReadAsStringAsync());
    }

    /// <summary>Where the service listens unless it is told otherwise.</summary>
    private static string PortOf(string service)
    {
        var settings = File.ReadAllText(Repository.PathOf($"samples/Shop.{char.ToUpperInvariant(service[0])}{service[1..]}/appsettings.json"));
        return Urls.Match(settings).Groups[1].Value;
    }

    [GeneratedRegex(@"^curl -s(?: -X (?<method>\w+))? localhost:(?<port>\d+)(?<path>/\S*)(?:\s+-H 'Content-Type: application/json'\s+-d '(?<body>[^']+)')?", RegexOptions.Multiline)]
    private static partial Regex Curl { get; }

    [GeneratedRegex("^psql .* -c '([^']+)'", RegexOptions.Multiline)]
    private static partial Regex Psql { get; }

    [GeneratedRegex("\"Urls\": \"http://localhost:(\\d+)\"")]
    private static partial Regex Urls { get; }
}
