using System.Globalization;

namespace Cuckoo.EventBus.Chaos;

/// <summary>The command line.</summary>
internal sealed record ChaosOptions
{
    public const string Usage = """
        Has worker processes use the library while processes, servers and connections fail, and compares what the database
        says with what is in Kafka.

          outbox                 publishes through the outbox: is what was committed in Kafka, once and in order?
          consumer               consumes as a group: has each record its effect, once and in order?
          --scenario NAME        one kind of failure: kill, stop, broker, database, network, leaderless, clock; for consumers also
                                 leave, rebalance; or random, which is all of them (default)
          --seed S               the sequence of what happens (default: a new one, which is printed)
          --kills N              ends after so many kill -9 (default in scenarios that kill: 20, unless --minutes is given)
          --minutes M            ends after so long, if not by the kills before (default in scenarios that do not kill: 1)
          --protocol NAME        how consumers form their group: cooperative (default), eager, or consumer (KIP-848)
          --broken NAME          with a flaw, by default in the scenario that shows it. A relay: cursor, early-delete,
                                 no-claim. Consumers: no-inbox, one-too-far, no-lanes
          --self-test            a short run with each of these flaws, every one of which must be caught

        Needs Apache Kafka in KAFKA_HOME and PostgreSQL's server. Cuts connections where TOXIPROXY_HOME has Toxiproxy.
        The last line is, for the outbox:  kills N lost N invented N reordered N left N duplicates N
                    and for consumers:     kills N lost N double N reordered N stuck N, and what there was of duplicates and so on
        Exit code: 0 all is well; 1 one of lost, invented, reordered, left, double, stuck is not 0, or a flaw was not caught by
        --self-test; 2 it could not be tried; 130 interrupted.
        """;

    private const int DefaultKills = 20;

    private static readonly TimeSpan DefaultDuration = TimeSpan.FromMinutes(1);

    private readonly Trial _trial;

    private ChaosOptions(Trial trial) => _trial = trial;

    private int? KillsGiven { get; init; }

    private TimeSpan? DurationGiven { get; init; }

    private Scenario? ScenarioGiven { get; init; }

    public Scenario Scenario => ScenarioGiven ?? _trial.Scenario(Broken?.Scenario ?? (IsSelfTest ? "kill" : "random"));

    public int Seed { get; private init; } = Random.Shared.Next(1, 1_000_000);

    public GroupProtocol Protocol { get; private init; }

    public Flaw? Broken { get; private init; }

    public bool IsSelfTest { get; private init; }

    /// <summary>After how many kills it ends; <see langword="null"/> if kills don't end it.</summary>
    public int? Kills => !Scenario.Kills ? null : KillsGiven ?? (DurationGiven is null ? DefaultKills : null);

    /// <summary>After how long it ends; <see langword="null"/> if time does not end it.</summary>
    public TimeSpan? Duration => DurationGiven ?? (Kills is null ? DefaultDuration : null);

    /// <summary>The options that decide what happens.</summary>
    public string Again => $"{_trial.Name} --scenario {Scenario.Name} --seed {Seed}{(Protocol == default ? "" : $" --protocol {Protocol.ToString().ToLowerInvariant()}")}";

    /// <summary>What this flaw is given to show itself.</summary>
    public ChaosOptions ForSelfTest(Flaw flaw) => this with { Broken = flaw, KillsGiven = KillsGiven ?? flaw.Kills, DurationGiven = DurationGiven ?? flaw.Duration };

    /// <summary>A seed of its own for each life of each slot, whenever it begins.</summary>
    public int SeedOf(int slot, int life) => unchecked((Seed * 1_000_003) + (slot * 10_007) + (life * 101));

    /// <exception cref="ChaosException">It makes no sense.</exception>
    public static ChaosOptions Parse(Trial trial, string[] args)
    {
        var options = new ChaosOptions(trial);
        var rest = new Queue<string>(args);
        while (rest.TryDequeue(out var name))
        {
            options = name switch
            {
                "--scenario" => options with { ScenarioGiven = trial.Scenario(Value(name, rest)) },
                "--seed" => options with { Seed = Number(name, rest) },
                "--kills" => options with { KillsGiven = Number(name, rest) },
                "--minutes" => options with { DurationGiven = Minutes(name, rest) },
                "--protocol" => options with { Protocol = ProtocolOf(Value(name, rest)) },
                "--broken" => options with { Broken = trial.Flaw(Value(name, rest)) },
                "--self-test" => options with { IsSelfTest = true },
                _ => throw new ChaosException($"There is no option '{name}'. See --help."),
            };
        }

        return options switch
        {
            { KillsGiven: not null, Scenario: { Kills: false, Name: var scenario } } => throw new ChaosException(
                $"--kills: nothing is killed in scenario '{scenario}'. Give --minutes instead."),
            { IsSelfTest: true, ScenarioGiven: not null } => throw new ChaosException("--self-test has a scenario of its own. Leave out --scenario."),
            { IsSelfTest: true, Broken: not null } => throw new ChaosException("--self-test tries every flaw. Leave out --broken."),
            _ => options,
        };
    }

    private static GroupProtocol ProtocolOf(string name) => name switch
    {
        "cooperative" => GroupProtocol.Cooperative,
        "eager" => GroupProtocol.Eager,
        "consumer" => GroupProtocol.Consumer,
        _ => throw new ChaosException($"There is no protocol '{name}': cooperative, eager or consumer."),
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
