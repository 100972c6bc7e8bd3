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

    public static IReadOnlyList<Flaw> All { get; } = [new(NoInbox, Kills: 1), new(OneTooFar, Kills: 3), new(NoLanes, Kills: 1)];
}
