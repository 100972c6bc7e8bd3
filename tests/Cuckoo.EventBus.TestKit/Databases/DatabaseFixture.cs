using Microsoft.EntityFrameworkCore;
using Xunit;

namespace Cuckoo.EventBus.TestKit;

/// <summary>Makes databases for the tests of an assembly, all on one provider.</summary>
public abstract class DatabaseFixture : IAsyncLifetime
{
    /// <summary>A new database with the tables of a context.</summary>
    public abstract Task<TestDatabase> CreateAsync<TContext>()
        where TContext : DbContext;

    /// <summary>A new database without tables.</summary>
    public abstract Task<TestDatabase> CreateEmptyAsync();

    public ValueTask InitializeAsync() => ValueTask.CompletedTask;

    public virtual ValueTask DisposeAsync()
    {
        GC.SuppressFinalize(this);
        return ValueTask.CompletedTask;
    }
}
