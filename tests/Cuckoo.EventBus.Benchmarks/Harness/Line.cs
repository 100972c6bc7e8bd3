using System.Globalization;

namespace Cuckoo.EventBus.Benchmarks.Harness;

/// <summary>One line of the report.</summary>
internal sealed record Line
{
    public required string Name { get; init; }

    /// <summary>The median of the rounds.</summary>
    public required double Ours { get; init; }

    public required double Limit { get; init; }

    public required string Unit { get; init; }

    public required Goal Goal { get; init; }

    /// <summary>What stands behind the figures: every round, and whatever helps to read them.</summary>
    public IReadOnlyDictionary<string, object> Details { get; init; } = new Dictionary<string, object>();

    public double Ratio => Ours / Limit;

    public string Verdict => Goal.IsMetBy(Ratio) switch { true => "ok", false => "short", null => "-" };

    /// <summary>A line of the medians of rounds.</summary>
    public static Line Of(string name, Rounds rounds, string unit, Goal goal) => new()
    {
        Name = name,
        Ours = Statistics.Median(rounds.Ours),
        Limit = Statistics.Median(rounds.Limit),
        Unit = unit,
        Goal = goal,
        Details = new Dictionary<string, object> { ["ours"] = rounds.Ours, ["limit"] = rounds.Limit },
    };

    /// <summary>A line whose limit is the goal itself.</summary>
    public static Line NoMoreThan(string name, IReadOnlyList<double> ours, double limit, string unit) => new()
    {
        Name = name,
        Ours = Statistics.Median(ours),
        Limit = limit,
        Unit = unit,
        Goal = Goal.NoMoreThan(limit),
        Details = new Dictionary<string, object> { ["ours"] = ours },
    };

    /// <summary>A line that has no other side and no goal.</summary>
    public static Line Reported(string name, IReadOnlyList<double> ours, string unit) => new()
    {
        Name = name,
        Ours = Statistics.Median(ours),
        Limit = double.NaN,
        Unit = unit,
        Goal = Goal.None,
        Details = new Dictionary<string, object> { ["ours"] = ours },
    };

    public Line With(string detail, object value) => this with { Details = new Dictionary<string, object>(Details) { [detail] = value } };

    public override string ToString() =>
        string.Create(CultureInfo.InvariantCulture, $"{Name} | {Figure(Ours)} {Unit} | {(double.IsNaN(Limit) ? "- | -" : $"{Figure(Limit)} {Unit} | {Ratio.ToString("0.00", CultureInfo.InvariantCulture)}")} | {Goal.Text} | {Verdict}");

    private static string Figure(double value) => value.ToString(Math.Abs(value) >= 100 ? "#,0" : "0.##", CultureInfo.InvariantCulture);
}
