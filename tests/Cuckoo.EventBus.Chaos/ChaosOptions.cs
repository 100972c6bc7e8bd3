using System.Globalization;

namespace Cuckoo.EventBus.Chaos;

/// <summary>The command line.</summary>
internal sealed record ChaosOptions
{
    public const string Usage = """
        Has worker processes publish through the outbox while processes, servers and connections fail, and compares what
        the database says was committed with what is in Kafka.

          outbox                 tries the outbox
          --scenario NAME        kill, stop, broker, database, network, leaderless, clock, or random, which is all of them (default)
          --seed S               the sequence of what happens (default: a new one, which is printed)
          --kills N              ends after so many kill -9 (default in scenarios that kill: 20, unless --minutes is given)
          --minutes M            ends after so long, if not by the kills before (default in scenarios that do not kill: 1)
          --broken NAME          a relay with a flaw instead of the library's: cursor, early-delete, no-claim (scenario kill by default)
          --self-test            a short run with each of these relays, every one of which must be caught

        Needs Apache Kafka in KAFKA_HOME and PostgreSQL's server. Cuts connections where TOXIPROXY_HOME has Toxiproxy.
        The last line is: kills N lost N invented N reordered N left N duplicates N
        Exit code: 0 nothing lost, invented, reordered or left; 1 something was, or a flaw was not caught by --self-test;
        2 it could not be tried; 130 interrupted.
        """;

    private const int DefaultKills = 20;

    private static readonly TimeSpan DefaultDuration = TimeSpan.FromMinutes(1);

    private int? KillsGiven { get; init; }

    private TimeSpan? DurationGiven { get; init; }

    private Scenario? ScenarioGiven { get; init; }

    /// <summary>A relay with a flaw needs no more than kills to show it.</summary>
    public Scenario Scenario => ScenarioGiven ?? (Broken is null && !IsSelfTest ? Scenario.Random : Scenario.Kill);

    public int Seed { get; private init; } = System.Random.Shared.Next(1, 1_000_000);

    public BrokenRelayKind? Broken { get; private init; }

    public bool IsSelfTest { get; private init; }

    /// <summary>After how many kills it ends; <see langword="null"/> if kills don't end it.</summary>
    public int? Kills => !Scenario.Kills ? null : KillsGiven ?? (DurationGiven is null ? DefaultKills : null);

    /// <summary>After how long it ends; <see langword="null"/> if time does not end it.</summary>
    public TimeSpan? Duration => DurationGiven ?? (Kills is null ? DefaultDuration : null);

    /// <summary>What a relay with this flaw is given to show it: only one of them needs a kill at the right moment.</summary>
    public ChaosOptions ForSelfTest(BrokenRelayKind broken) => this with { Broken = broken, KillsGiven = KillsGiven ?? (broken == BrokenRelayKind.EarlyDelete ? 7 : 2) };

    /// <exception cref="ChaosException">It makes no sense.</exception>
    public static ChaosOptions Parse(string[] args)
    {
        var options = new ChaosOptions();
        var rest = new Queue<string>(args);
        while (rest.TryDequeue(out var name))
        {
            options = name switch
            {
                "--scenario" => options with { ScenarioGiven = Scenario.Named(Value(name, rest)) },
                "--seed" => options with { Seed = Number(name, rest) },
                "--kills" => options with { KillsGiven = Number(name, rest) },
                "--minutes" => options with { DurationGiven = Minutes(name, rest) },
                "--broken" => options with { Broken = BrokenRelay(Value(name, rest)) },
                "--self-test" => options with { IsSelfTest = true },
                _ => throw new ChaosException($"There is no option '{name}'. See --help."),
            };
        }

        return options switch
        {
            { KillsGiven: not null, Scenario: { Kills: false, Name: var scenario } } => throw new ChaosException(
                $"--kills: nothing is killed in scenario '{scenario}'. Give --minutes instead."),
            { IsSelfTest: true, ScenarioGiven: not null } => throw new ChaosException("--self-test has a scenario of its own. Leave out --scenario."),
            { IsSelfTest: true, Broken: not null } => throw new ChaosException("--self-test tries every broken relay. Leave out --broken."),
            _ => options,
        };
    }

    private static BrokenRelayKind BrokenRelay(string name) => name switch
    {
        "cursor" => BrokenRelayKind.Cursor,
        "early-delete" => BrokenRelayKind.EarlyDelete,
        "no-claim" => BrokenRelayKind.NoClaim,
        _ => throw new ChaosException($"There is no broken relay '{name}': cursor, early-delete or no-claim."),
    };

    private static string Value(string name, Queue<string> rest) =>
        rest.TryDequeue(out var value) && value.Length > 0 ? value : throw new ChaosException($"{name} needs a value. See --help.");

    private static int Number(string name, Queue<string> rest) =>
        int.TryParse(Value(name, rest), NumberStyles.None, CultureInfo.InvariantCulture, out var number) && number is > 0 and <= 1_000_000
            ? number
            : throw new ChaosException($"{name} needs a whole number from 1 to 1,000,000.");

    private static TimeSpan Minutes(string name, Queue<string> rest) =>
        double.TryParse(Value(name, rest), NumberStyles.AllowDecimalPoint, CultureInfo.InvariantCulture, out var minutes) && minutes is > 0 and <= 1440
            ? TimeSpan.FromMinutes(minutes)
            : throw new ChaosException($"{name} needs a number above 0, at most 1440 (a day).");
}
