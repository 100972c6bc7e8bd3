namespace Cuckoo.EventBus.Chaos.Faults;

/// <summary>Something that goes wrong for a while.</summary>
internal abstract class Fault
{
    /// <summary>Goes wrong, lasts, and is well again when this ends, also when it is cut short.</summary>
    /// <param name="targets">Whom it can strike.</param>
    /// <param name="random">
    /// What decides. Everything is drawn before anything is awaited, so that the sequence follows from the seed, however long
    /// things take.
    /// </param>
    /// <param name="ct">Cuts it short.</param>
    public abstract Task StrikeAsync(Targets targets, Random random, CancellationToken ct);
}
