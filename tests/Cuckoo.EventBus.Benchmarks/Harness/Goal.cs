using System.Globalization;

namespace Cuckoo.EventBus.Benchmarks.Harness;

/// <summary>What the ratio of ours to the limit has to be.</summary>
/// <param name="Text">As it is printed.</param>
/// <param name="Lowest">The ratio is at least this.</param>
/// <param name="Highest">The ratio is at most this.</param>
internal sealed record Goal(string Text, double? Lowest, double? Highest)
{
    /// <summary>A figure that is only reported.</summary>
    public static Goal None { get; } = new("-", null, null);

    public static Goal AtLeast(double ratio) => new(string.Create(CultureInfo.InvariantCulture, $">= {ratio:0.##}x"), ratio, null);

    public static Goal AtMost(double ratio) => new(string.Create(CultureInfo.InvariantCulture, $"<= {ratio:0.##}x"), null, ratio);

    /// <summary>Of a line whose limit is the goal itself.</summary>
    public static Goal NoMoreThan(double figure) => new(string.Create(CultureInfo.InvariantCulture, $"<= {figure:0.##}"), null, 1);

    public bool? IsMetBy(double ratio) => (Lowest, Highest) == (null, null) ? null : ratio >= (Lowest ?? double.MinValue) && ratio <= (Highest ?? double.MaxValue);
}
