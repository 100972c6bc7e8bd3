namespace Cuckoo.EventBus.Chaos;

/// <summary>How a run ended.</summary>
/// <param name="IsGood">Whether everything promised was kept.</param>
/// <param name="ShowsFlaw">Whether what was planted, if anything was, can be seen.</param>
/// <param name="Summary">The run's last line.</param>
internal sealed record TrialResult(bool IsGood, bool ShowsFlaw, string Summary);
