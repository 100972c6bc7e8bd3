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
