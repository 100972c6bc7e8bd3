namespace Samples.Tests.Observing;

/// <summary>
/// The alert rules, as <c>k8s/monitoring/rules.sh</c> prints them, but with shorter times: a test can't wait for what lasts a
/// minute, or is over after a quarter of an hour. Nothing else of them is changed: names, expressions and labels are those that run.
/// </summary>
internal static class AlertRules
{
    private static readonly (string Written, string Tested)[] Times =
    [
        // How long it has to last.
        ("for: 1m\n", "for: 2s\n"),
        // Seconds: how late an event is, how long it has waited.
        ("_seconds) > 60\n", "_seconds) > 3\n"),
        // How far back something counts.
        ("[15m]", "[15s]"),
        ("offset 15m)", "offset 15s)"),
        ("interval: 30s\n", "interval: 1s\n"),
    ];

    public static async Task<string> ReadAsync()
    {
        var rules = await ServerProcess.RunAsync([Repository.PathOf("k8s/monitoring/rules.sh")]);
        foreach (var (written, tested) in Times)
        {
            Assert.Contains(written, rules, StringComparison.Ordinal);
            rules = rules.Replace(written, tested, StringComparison.Ordinal);
        }

        return rules;
    }
}
