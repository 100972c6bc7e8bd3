using System.Collections.Concurrent;
using Microsoft.Extensions.DependencyInjection;

namespace Cuckoo.EventBus.Storage;

/// <summary>The databases that have an outbox, by their contexts.</summary>
internal sealed class EventBusDatabases(BusSettings settings, IServiceScopeFactory scopes)
{
    private readonly ConcurrentDictionary<string, SemaphoreSlim> _writeGates = new(StringComparer.Ordinal);
    private Dictionary<Type, EventBusDatabase>? _all;

    public IReadOnlyCollection<EventBusDatabase> All => Map.Values;

    private Dictionary<Type, EventBusDatabase> Map =>
        LazyInitializer.EnsureInitialized(ref _all, () => settings.Outboxes.ToDictionary(type => type, type => new EventBusDatabase(type, scopes, _writeGates)));

    /// <summary>The service's only database, for an administration that names none.</summary>
    /// <param name="administration">The administration's interface.</param>
    /// <exception cref="EventBusException">It has none, or several.</exception>
    public EventBusDatabase Only(string administration) => All.ToList() switch
    {
        [var only] => only,
        [] => throw new EventBusException("The service has no outbox to administer. Add UseOutbox<TContext>() to AddCuckooEventBus."),
        var several => throw new EventBusException(
            $"The service has several outboxes ({string.Join(", ", several.Select(d => d.Name))}). Ask for {administration}<TContext> of the one you mean."),
    };

    /// <summary>The database of a context that an administration names.</summary>
    /// <exception cref="EventBusException">It has no outbox.</exception>
    public EventBusDatabase Of<TContext>() => Find(typeof(TContext))
        ?? throw new EventBusException($"{typeof(TContext).Name} has no outbox. Add UseOutbox<{typeof(TContext).Name}>() to AddCuckooEventBus.");

    /// <summary>The database of a context, also of one whose class derives from the registered one.</summary>
    public EventBusDatabase? Find(Type contextType)
    {
        for (var type = contextType; type is not null; type = type.BaseType)
        {
            if (Map.TryGetValue(type, out var database))
            {
                return database;
            }
        }

        return null;
    }
}
