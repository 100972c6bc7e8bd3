using System.Text.Json;

namespace Cuckoo.EventBus.Chaos.Outbox;

/// <summary>What a worker is told by the harness, on its command line.</summary>
internal sealed record WorkerSettings
{
    public required string Name { get; init; }

    /// <summary>Decides what its writers do.</summary>
    public required int Seed { get; init; }

    public required string Database { get; init; }

    public required string Brokers { get; init; }

    public required string TopicPrefix { get; init; }

    /// <summary>How far its clock is off.</summary>
    public TimeSpan ClockOffset { get; init; }

    /// <summary>Whether its context has an execution strategy that retries.</summary>
    public bool Retries { get; init; }

    /// <summary>Whether its contexts come from a pool.</summary>
    public bool Pools { get; init; }

    /// <summary>That of the relay that stands in for the library's.</summary>
    public string? Flaw { get; init; }

    /// <summary>Which of the workers alive this is, from 0.</summary>
    public required int Slot { get; init; }

    /// <summary>How many are alive at a time.</summary>
    public required int Slots { get; init; }

    /// <summary>Writers end when this file is there.</summary>
    public required string QuietFile { get; init; }

    /// <summary>What the harness draws for a life of a worker.</summary>
    public WorkerSettings Drawn(bool clocksDiffer)
    {
        var random = new Random(Seed);
        var off = random.Between(TimeSpan.FromMinutes(1), TimeSpan.FromMinutes(random.Chance(0.5) ? 10 : 300)) * (random.Chance(0.5) ? 1 : -1);
        return this with
        {
            Retries = random.Chance(0.3),
            Pools = random.Chance(0.5),
            ClockOffset = clocksDiffer && random.Chance(0.75) ? off : TimeSpan.Zero,
        };
    }

    public static WorkerSettings Parse(string json) => JsonSerializer.Deserialize<WorkerSettings>(json)!;

    public override string ToString() => JsonSerializer.Serialize(this);
}
