using System.Text.Json;

namespace Cuckoo.EventBus.Chaos.Consumer;

/// <summary>What a worker is told by the harness, on its command line.</summary>
internal sealed record ConsumerWorkerSettings
{
    public required string Name { get; init; }

    /// <summary>The service's name, and so the group's.</summary>
    public required string Group { get; init; }

    public required GroupProtocol Protocol { get; init; }

    /// <summary>The group knows it by this name, whoever lives under it; <see langword="null"/> where each life is a new member.</summary>
    public string? StaticMember { get; init; }

    public required string Database { get; init; }

    public required string Brokers { get; init; }

    public required string TopicPrefix { get; init; }

    /// <summary>How far its clock is off.</summary>
    public TimeSpan ClockOffset { get; init; }

    /// <summary>Whether its context has an execution strategy that retries.</summary>
    public bool Retries { get; init; }

    /// <summary>Whether its contexts come from a pool.</summary>
    public bool Pools { get; init; }

    /// <summary>What is wrong with it.</summary>
    public string? Flaw { get; init; }

    /// <summary>What the harness draws for a life of a worker.</summary>
    public ConsumerWorkerSettings Drawn(int seed, int slot, bool clocksDiffer)
    {
        var random = new Random(seed);
        var off = random.Between(TimeSpan.FromMinutes(1), TimeSpan.FromMinutes(random.Chance(0.5) ? 10 : 300)) * (random.Chance(0.5) ? 1 : -1);
        return this with
        {
            Retries = random.Chance(0.3),
            Pools = random.Chance(0.5),
            StaticMember = random.Chance(0.3) ? $"slot-{slot}" : null,
            ClockOffset = clocksDiffer && random.Chance(0.75) ? off : TimeSpan.Zero,
        };
    }

    public static ConsumerWorkerSettings Parse(string json) => JsonSerializer.Deserialize<ConsumerWorkerSettings>(json)!;

    public override string ToString() => JsonSerializer.Serialize(this);
}
