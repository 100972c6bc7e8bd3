namespace Cuckoo.EventBus;

/// <summary>The settings of one consumer: code, over configuration <c>EventBus:Consumers:NAME:…</c>, over defaults.</summary>
public sealed class ConsumerOptions
{
    /// <summary>The consumer group. Default: the service's name.</summary>
    public string? Group { get; set; }

    /// <summary>
    /// How many of this consumer's records are handled at the same time; of one that takes batches, how many batches. Default: 16.
    /// Records of one key are always handled one after the other, and so are batches of one partition.
    /// </summary>
    public int Concurrency { get; set; } = 16;

    /// <summary>Where the group starts at a topic of which it has no committed offset. Default: <see cref="StartFrom.Earliest"/>.</summary>
    /// <remarks>One value per group.</remarks>
    public StartFrom StartFrom { get; set; }

    /// <summary>Whether the handler runs inside the database's transaction. Default: <see cref="ConsumerTransaction.Database"/>.</summary>
    public ConsumerTransaction Transaction { get; set; }

    /// <summary>
    /// Attempts at once, while only the record's lane waits. Default: 3. Then the record is parked, see
    /// <see cref="ParkedAttempts"/>.
    /// </summary>
    public int Attempts { get; set; } = 3;

    /// <summary>The pause after the first failed attempt; each further one doubles it, with jitter. Default: 200 ms.</summary>
    public TimeSpan RetryDelay { get; set; } = TimeSpan.FromMilliseconds(200);

    /// <summary>The longest pause between two attempts. Default: 10 s.</summary>
    public TimeSpan MaxRetryDelay { get; set; } = TimeSpan.FromSeconds(10);

    /// <summary>
    /// Further attempts of a record that failed all of <see cref="Attempts"/>: it waits in the table <c>retry_messages</c>, the
    /// later records of its key behind it, and other keys go on. Default: 5. After them, or at once where this is 0 or the
    /// consumer has no database, it is a dead letter and its key goes on.
    /// </summary>
    public int ParkedAttempts { get; set; } = 5;

    /// <summary>The pause before the first attempt of a parked record; each further one doubles it, with jitter. Default: 10 s.</summary>
    /// <remarks>What is due is looked for once a second.</remarks>
    public TimeSpan ParkedRetryDelay { get; set; } = TimeSpan.FromSeconds(10);

    /// <summary>The longest pause between two attempts of a parked record. Default: 10 min.</summary>
    public TimeSpan MaxParkedRetryDelay { get; set; } = TimeSpan.FromMinutes(10);

    /// <summary>The most records of one batch, for an <see cref="IEventBatchConsumer{TEvent}"/>. Default: 100.</summary>
    public int BatchSize { get; set; } = 100;

    /// <summary>How long a batch that is not full waits for more records, since its first one. Default: 100 ms.</summary>
    public TimeSpan BatchWait { get; set; } = TimeSpan.FromMilliseconds(100);

    /// <summary>When the consumer pauses because nearly everything fails. Default: never.</summary>
    public KillSwitchOptions KillSwitch { get; private set; } = new();

    /// <summary>How long a consumer stays paused after an exception of <see cref="PauseOn{TException}"/>. Default: 30 s.</summary>
    public TimeSpan PauseTime { get; set; } = TimeSpan.FromSeconds(30);

    /// <summary>How long one attempt, at a record or a batch, may take before its token is cancelled and it counts as failed. Default: 30 s.</summary>
    public TimeSpan AttemptTimeout { get; set; } = TimeSpan.FromSeconds(30);

    /// <summary>The context named by <see cref="UseContext{TContext}"/>.</summary>
    internal Type? ContextType { get; private set; }

    /// <summary>The exceptions named by <see cref="Reject{TException}"/>.</summary>
    internal List<Type> Rejected { get; private set; } = [];

    /// <summary>The exceptions named by <see cref="Park{TException}"/>.</summary>
    internal List<Type> Parked { get; private set; } = [];

    /// <summary>The exceptions named by <see cref="PauseOn{TException}"/>.</summary>
    internal List<Type> Pausing { get; private set; } = [];

    /// <summary>
    /// The context whose database holds the consumer's inbox and, unless <see cref="Transaction"/> says otherwise, its
    /// transaction. Default: the context of the service's only outbox. Required where a service has several.
    /// </summary>
    /// <typeparam name="TContext">A context that was given an outbox by <c>UseOutbox</c>.</typeparam>
    /// <returns>These options.</returns>
    public ConsumerOptions UseContext<TContext>()
        where TContext : Microsoft.EntityFrameworkCore.DbContext
    {
        ContextType = typeof(TContext);
        return this;
    }

    /// <summary>Dead-letters a record at once when its handler throws this exception, or one derived from it.</summary>
    /// <typeparam name="TException">An exception that says that trying again is pointless.</typeparam>
    /// <returns>These options.</returns>
    public ConsumerOptions Reject<TException>()
        where TException : Exception
    {
        Rejected.Add(typeof(TException));
        return this;
    }

    /// <summary>Parks a record at once, without further attempts in its lane, when its handler throws this exception, or one derived from it.</summary>
    /// <typeparam name="TException">An exception that says that it will take a while.</typeparam>
    /// <returns>These options.</returns>
    public ConsumerOptions Park<TException>()
        where TException : Exception
    {
        Parked.Add(typeof(TException));
        return this;
    }

    /// <summary>
    /// Pauses the whole consumer for <see cref="PauseTime"/> when its handler throws this exception, or one derived from it: no
    /// attempt is charged, and the record is tried again then.
    /// </summary>
    /// <typeparam name="TException">An exception that says that no record can be handled now.</typeparam>
    /// <returns>These options.</returns>
    public ConsumerOptions PauseOn<TException>()
        where TException : Exception
    {
        Pausing.Add(typeof(TException));
        return this;
    }

    /// <summary>A copy that can be changed without changing these.</summary>
    internal ConsumerOptions Copy()
    {
        var copy = (ConsumerOptions)MemberwiseClone();
        copy.KillSwitch = new KillSwitchOptions
        {
            FailureRate = KillSwitch.FailureRate,
            Window = KillSwitch.Window,
            MinimumAttempts = KillSwitch.MinimumAttempts,
            Pause = KillSwitch.Pause,
        };
        copy.Rejected = [.. Rejected];
        copy.Parked = [.. Parked];
        copy.Pausing = [.. Pausing];
        return copy;
    }
}
