using System.Globalization;

namespace Cuckoo.EventBus.Fuzz;

/// <summary>The command line.</summary>
internal sealed record FuzzOptions(int Records, int Seed)
{
    public const string Usage = """
        Sends generated records, many of them broken, through consumers with and without a database, and looks what became of each.

          --records N    how many (default: 1,000,000)
          --seed S       the sequence of records (default: a new one, which is printed)

        Needs Apache Kafka in KAFKA_HOME (or EVENTBUS_TEST_KAFKA) and PostgreSQL's server.
        The last line is: records N handled N skipped N dead N repeats N missing N twice N
        Exit code: 0 nothing missing or twice, and no trouble in the engine; 1 something was; 2 it could not be tried.
        """;

    /// <exception cref="FuzzException">It makes no sense.</exception>
    public static FuzzOptions Parse(string[] args)
    {
        var options = new FuzzOptions(1_000_000, Random.Shared.Next(1, 1_000_000));
        for (var i = 0; i < args.Length; i += 2)
        {
            options = args[i] switch
            {
                "--records" => options with { Records = Number(args, i) },
                "--seed" => options with { Seed = Number(args, i) },
                var other => throw new FuzzException($"There is no option '{other}'.\n{Usage}"),
            };
        }

        return options;
    }

    private static int Number(string[] args, int i) =>
        i + 1 < args.Length && int.TryParse(args[i + 1], NumberStyles.None, CultureInfo.InvariantCulture, out var number) && number is > 0 and <= 100_000_000
            ? number
            : throw new FuzzException($"{args[i]} needs a whole number from 1 to 100,000,000.");
}
