namespace Cuckoo.EventBus;

/// <summary>The outbox relay's settings. Configuration: <c>EventBus:Relay</c>.</summary>
public sealed class RelayOptions
{
    /// <summary>Whether this process relays its outbox. Default: <see langword="true"/>; any number of instances may.</summary>
    public bool Enabled { get; set; } = true;

    /// <summary>The most rows of one read. Default: 1000.</summary>
    public int BatchSize { get; set; } = 1000;

    /// <summary>About how many bytes of rows one read keeps in memory. Default: 4 MiB; one row may exceed it.</summary>
    public int BatchBytes { get; set; } = 4 * 1024 * 1024;

    /// <summary>How many lanes one outbox drains at the same time. Default: 4, as many connections.</summary>
    public int Concurrency { get; set; } = 4;

    /// <summary>
    /// How long a claimed lane stays its owner's without a renewal, on the database's clock. Default: 3 s: with a sweep per
    /// second the lanes of a killed process move on within 5 s.
    /// </summary>
    public TimeSpan Lease { get; set; } = TimeSpan.FromSeconds(3);

    /// <summary>How often lanes without an owner, rows due again and delayed events are looked for. Default: 1 s.</summary>
    public TimeSpan SweepInterval { get; set; } = TimeSpan.FromSeconds(1);

    /// <summary>Attempts of a row that the broker rejects before it is dead. Default: 10.</summary>
    public int MaxAttempts { get; set; } = 10;

    /// <summary>The pause after the first rejection; each further one doubles it, with jitter. Default: 1 s.</summary>
    public TimeSpan RetryDelay { get; set; } = TimeSpan.FromSeconds(1);

    /// <summary>The longest pause between two attempts. Default: 5 min.</summary>
    public TimeSpan MaxRetryDelay { get; set; } = TimeSpan.FromMinutes(5);
}
