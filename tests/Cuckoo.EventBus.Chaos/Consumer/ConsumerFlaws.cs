namespace Cuckoo.EventBus.Chaos.Consumer;

/// <summary>What would be wrong with consumers that forget a part of it. Each is planted into the library's own, from outside.</summary>
internal static class ConsumerFlaws
{
    /// <summary>What was handled is forgotten: a repeat has its effect again.</summary>
    public const string NoInbox = "no-inbox";

    /// <summary>The committed position is one too far: who takes over misses a record.</summary>
    public const string OneTooFar = "one-too-far";

    /// <summary>Handlers of one key run side by side.</summary>
    public const string NoLanes = "no-lanes";

    /// <summary>
    /// Who is killed may well have handled the record that its position leaves out; who hands its partitions over has committed
    /// last of all, and the one that comes next is missed.
    /// </summary>
    public static IReadOnlyList<Flaw> All { get; } =
    [
        new(NoInbox) { Kills = 1 },
        new(OneTooFar) { Scenario = "leave", Duration = TimeSpan.FromSeconds(30) },
        new(NoLanes) { Kills = 1 },
    ];
}
