using System.Globalization;

namespace Cuckoo.EventBus.Benchmarks.Harness;

/// <summary>What to run, and how much of it. Numbers that are not given are each measure's own.</summary>
internal sealed record BenchOptions
{
    public const string Usage = "bench.sh [--list] [--rows N] [--rounds N] [--seconds N] [--linger MS] [name…]";

    /// <summary>Measures by name; none is all.</summary>
    public IReadOnlyList<string> Names { get; init; } = [];

    /// <summary>Rows, events, transactions or claims of a measure that counts them.</summary>
    public int? Rows { get; init; }

    /// <summary>Of each measure; the median counts.</summary>
    public int Rounds { get; init; } = 3;

    /// <summary>How long measures take that run at a rate.</summary>
    public double? Seconds { get; init; }

    /// <summary>The producers' linger on both sides; without it the bus keeps its own.</summary>
    public double? LingerMs { get; init; }

    public bool IsList { get; init; }

    /// <exception cref="ArgumentException">Something is not understood.</exception>
    public static BenchOptions Parse(IReadOnlyList<string> arguments)
    {
        var options = new BenchOptions();
        for (var i = 0; i < arguments.Count; i++)
        {
            options = arguments[i] switch
            {
                "--list" => options with { IsList = true },
                "--rows" => options with { Rows = (int)Number(arguments, ++i) },
                "--rounds" => options with { Rounds = (int)Number(arguments, ++i) },
                "--seconds" => options with { Seconds = Number(arguments, ++i) },
                "--linger" => options with { LingerMs = Number(arguments, ++i) },
                ['-', ..] => throw new ArgumentException($"Unknown option {arguments[i]}. Usage: {Usage}"),
                var name when MeasureList.All.Any(measure => measure.Name == name) => options with { Names = [.. options.Names, name] },
                var name => throw new ArgumentException($"There is no measure {name}. There are: {string.Join(", ", MeasureList.All.Select(measure => measure.Name))}."),
            };
        }

        return options;
    }

    private static double Number(IReadOnlyList<string> arguments, int i) =>
        i < arguments.Count && double.TryParse(arguments[i], CultureInfo.InvariantCulture, out var number) && number >= 0
            ? number
            : throw new ArgumentException($"{arguments[i - 1]} needs a number. Usage: {Usage}");
}
