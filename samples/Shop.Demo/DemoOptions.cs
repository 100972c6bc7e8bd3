using System.Globalization;

namespace Shop.Demo;

/// <summary>The command line.</summary>
internal sealed record DemoOptions
{
    public const string Usage = """
        Runs the shop's four services in one process and sends orders through them.

          --orders N             how many orders (default: 200)
          --kafka BOOTSTRAP      a real Kafka, host:port (default: an embedded broker)
          --postgres CONNECTION  a PostgreSQL server, "Host=localhost;Username=postgres;Password=…" (default: SQLite).
                                 Uses the databases shop_demo*: a new run drops and creates them
          --data DIR             where SQLite's files go, and stay (default: a folder that is deleted afterwards)
          --resume               goes on with the databases and topics of an earlier run that was killed.
                                 Needs --kafka, and --postgres or --data, as they were given to that run
          --verbose              shows the services' warnings as they come
          --timeout SECONDS      when to give up (default: 120, and one more for every 10 orders)

        Exit code: 0 the books balance, 1 they don't or time is up, 2 wrong usage, 130 interrupted.
        """;

    public int? Orders { get; private init; }

    public string? Kafka { get; private init; }

    public string? Postgres { get; private init; }

    public string? Data { get; private init; }

    public bool Resume { get; private init; }

    public bool Verbose { get; private init; }

    public TimeSpan? TimeLimit { get; private init; }

    /// <exception cref="DemoException">It makes no sense.</exception>
    public static DemoOptions Parse(string[] args)
    {
        var options = new DemoOptions();
        var rest = new Queue<string>(args);
        while (rest.TryDequeue(out var name))
        {
            options = name switch
            {
                "--orders" => options with { Orders = Number(name, rest) },
                "--kafka" => options with { Kafka = Value(name, rest) },
                "--postgres" => options with { Postgres = Value(name, rest) },
                "--data" => options with { Data = Value(name, rest) },
                "--timeout" => options with { TimeLimit = TimeSpan.FromSeconds(Number(name, rest)) },
                "--verbose" => options with { Verbose = true },
                "--resume" => options with { Resume = true },
                _ => throw new DemoException($"There is no option '{name}'. See --help."),
            };
        }

        return options switch
        {
            { Resume: true, Kafka: null } => throw new DemoException(
                "--resume needs --kafka: the embedded broker lives in the demo's own process, and its records went with it."),
            { Resume: true, Postgres: null, Data: null } => throw new DemoException(
                "--resume needs the databases of the run before: give it the same --postgres, or --data."),
            { Postgres: not null, Data: not null } => throw new DemoException("--data is for SQLite's files. Leave it out with --postgres."),
            _ => options,
        };
    }

    private static string Value(string name, Queue<string> rest) =>
        rest.TryDequeue(out var value) && value.Length > 0 ? value : throw new DemoException($"{name} needs a value. See --help.");

    private static int Number(string name, Queue<string> rest) =>
        int.TryParse(Value(name, rest), NumberStyles.None, CultureInfo.InvariantCulture, out var number) && number is > 0 and <= 1_000_000
            ? number
            : throw new DemoException($"{name} needs a whole number from 1 to 1,000,000.");
}
