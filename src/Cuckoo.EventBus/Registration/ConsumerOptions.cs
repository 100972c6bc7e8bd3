namespace Cuckoo.EventBus;

/// <summary>The settings of one consumer: code, over configuration <c>EventBus:Consumers:NAME:…</c>, over defaults.</summary>
public sealed class ConsumerOptions
{
    /// <summary>The consumer group. Default: the service's name.</summary>
    public string? Group { get; set; }

    /// <summary>
    /// How many of this consumer's records are handled at the same time. Default: 16. Records of one key are always handled
    /// one after the other.
    /// </summary>
    public int Concurrency { get; set; } = 16;

    /// <summary>Where a group starts that has no committed offset. Default: <see cref="StartFrom.Earliest"/>.</summary>
    /// <remarks>One value per group.</remarks>
    public StartFrom StartFrom { get; set; }

    /// <summary>Whether the handler runs inside the database's transaction. Default: <see cref="ConsumerTransaction.Database"/>.</summary>
    public ConsumerTransaction Transaction { get; set; }

    /// <summary>Attempts before the record is dead-lettered. Default: 3.</summary>
    public int Attempts { get; set; } = 3;

    /// <summary>The pause after the first failed attempt; each further one doubles it, with jitter. Default: 200 ms.</summary>
    public TimeSpan RetryDelay { get; set; } = TimeSpan.FromMilliseconds(200);

    /// <summary>The longest pause between two attempts. Default: 10 s.</summary>
    public TimeSpan MaxRetryDelay { get; set; } = TimeSpan.FromSeconds(10);

    /// <summary>How long one attempt may take before its token is cancelled and it counts as failed. Default: 30 s.</summary>
    public TimeSpan AttemptTimeout { get; set; } = TimeSpan.FromSeconds(30);

    /// <summary>The context named by <see cref="UseContext{TContext}"/>.</summary>
    internal Type? ContextType { get; private set; }

    /// <summary>The exceptions named by <see cref="Reject{TException}"/>.</summary>
    internal List<Type> Rejected { get; } = [];

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
}
