namespace Cuckoo.EventBus;

/// <summary>When a consumer stops by itself because nearly everything fails, as after a bad deploy.</summary>
/// <remarks>A circuit breaker: paused for a while, then one record is tried; that decides whether it goes on. Nothing is lost or given up meanwhile.</remarks>
public sealed class KillSwitchOptions
{
    /// <summary>The share of failed attempts from which the consumer pauses, up to 1. Default: 0, which is never.</summary>
    public double FailureRate { get; set; }

    /// <summary>How far back failures are counted. Default: 30 s.</summary>
    public TimeSpan Window { get; set; } = TimeSpan.FromSeconds(30);

    /// <summary>So many attempts in the window at least. Default: 20.</summary>
    public int MinimumAttempts { get; set; } = 20;

    /// <summary>How long it pauses before a record is tried again. Default: 30 s.</summary>
    public TimeSpan Pause { get; set; } = TimeSpan.FromSeconds(30);
}
