using Cuckoo.EventBus.Outbox;
using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;

namespace Cuckoo.EventBus.Publishing;

/// <summary>Stages events on the scope's context. When the scope ends, events that were never saved are an error in the log.</summary>
internal sealed class EventPublisher : IEventPublisher, IDisposable
{
    private readonly DbContext _context;
    private readonly OutboxInterceptor _outbox;
    private readonly ILogger _logger;

    private EventPublisher(DbContext context, ILogger<EventPublisher> logger)
    {
        _context = context;
        _outbox = OutboxInterceptor.Of(context);
        _logger = logger;
    }

    /// <summary>The publisher of a scope: into its only outbox, or at once where there is none.</summary>
    public static IEventPublisher Create(IServiceProvider scope)
    {
        var settings = scope.GetRequiredService<BusSettings>();
        return settings.Outboxes switch
        {
            [] => scope.GetRequiredService<IDirectEventPublisher>(),
            [var context] => new EventPublisher((DbContext)scope.GetRequiredService(context), scope.GetRequiredService<ILogger<EventPublisher>>()),
            var several => throw new EventBusException(
                $"The service has several outboxes ({string.Join(", ", several.Select(t => t.Name))}), so IEventPublisher can't tell which transaction an event belongs to. Publish on the context itself: db.PublishAsync(e)."),
        };
    }

    public Task PublishAsync<TEvent>(TEvent @event, CancellationToken ct = default)
        where TEvent : class => StageAsync([@event], null, ct);

    public Task PublishAsync<TEvent>(TEvent @event, PublishOptions options, CancellationToken ct = default)
        where TEvent : class
    {
        ArgumentNullException.ThrowIfNull(options);
        return StageAsync([@event], options, ct);
    }

    public Task PublishBatchAsync(IEnumerable<object> events, PublishOptions? options = null, CancellationToken ct = default)
    {
        ArgumentNullException.ThrowIfNull(events);
        return StageAsync(events, options, ct);
    }

    public void Dispose()
    {
        foreach (var type in _outbox.TypesNeverSaved(_context).GroupBy(type => type, StringComparer.Ordinal))
        {
            PublishingLog.NeverSaved(_logger, type.Count(), type.Key, _context.GetType().Name);
            Telemetry.BusMetrics.NeverSaved.Add(type.Count(), new KeyValuePair<string, object?>("cuckoo.eventbus.event_type", type.Key));
        }
    }

    private Task StageAsync(IEnumerable<object> events, PublishOptions? options, CancellationToken ct)
    {
        ct.ThrowIfCancellationRequested();
        _outbox.Stage(_context, events, options);
        return Task.CompletedTask;
    }
}
