using Microsoft.EntityFrameworkCore;

namespace Cuckoo.EventBus.TestKit;

/// <summary>A database of one test's own, with the tables of the context it was made for.</summary>
public abstract class TestDatabase : IAsyncDisposable
{
    public abstract string ConnectionString { get; }

    public abstract bool IsPostgreSql { get; }

    /// <summary>Points a context to it.</summary>
    /// <param name="options">The context's options.</param>
    /// <param name="retrying">Whether with an execution strategy that retries.</param>
    public abstract void Configure(DbContextOptionsBuilder options, bool retrying = false);

    /// <summary>A context that knows nothing of the bus.</summary>
    public TContext CreateContext<TContext>()
        where TContext : DbContext
    {
        var options = new DbContextOptionsBuilder<TContext>();
        Configure(options);
        return (TContext)Activator.CreateInstance(typeof(TContext), options.Options)!;
    }

    /// <summary>Asks the database through a context of its own.</summary>
    public async Task<TResult> AskAsync<TContext, TResult>(Func<TContext, Task<TResult>> question)
        where TContext : DbContext
    {
        await using var context = CreateContext<TContext>();
        return await question(context);
    }

    public abstract ValueTask DisposeAsync();
}
