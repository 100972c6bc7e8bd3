using Cuckoo.EventBus.DeadLetters;
using Cuckoo.EventBus.Inbox;
using Cuckoo.EventBus.Kafka;
using Cuckoo.EventBus.Outbox;
using Cuckoo.EventBus.Retrying;
using Cuckoo.EventBus.Storage;
using Cuckoo.EventBus.Telemetry;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;

namespace Cuckoo.EventBus.Consuming;

/// <summary>The service's consumer groups: puts each together, starts and stops them. Started and stopped by the host, one call at a time.</summary>
internal sealed class ConsumerGroups(
    BusSettings settings,
    EventBusDatabases databases,
    KafkaClients clients,
    DirectSender sender,
    OutboxWriter outbox,
    OutboxSignals signals,
    ConsumerGates gates,
    BrokerProbe broker,
    IServiceScopeFactory scopes,
    TimeProvider time,
    BusLoggers loggers) : IDisposable
{
    /// <summary>A handler whose time is over gets so long to notice; its transaction is rolled back by its own process then.</summary>
    private static readonly TimeSpan IdleMargin = TimeSpan.FromSeconds(10);

    private readonly ILogger _logger = loggers.CreateLogger<ConsumerGroups>();
    private readonly Persistence _persistence = new(time);
    private volatile List<ConsumerGroup> _groups = [];
    private OutageWatches? _outages;
    private CancellationTokenSource? _stopRetention;
    private Task _retention = Task.CompletedTask;

    /// <summary>What each group is doing; none while the host does not run, or does not consume.</summary>
    public IEnumerable<GroupStatus> Statuses => _groups.Select(group => group.Status);

    public void Start()
    {
        _outages = new OutageWatches(broker, settings.AnyTopic, time);
        _groups = [.. settings.Consumers.GroupBy(consumer => consumer.Group, StringComparer.Ordinal).Select(group => Create(group.Key, [.. group]))];
        foreach (var group in _groups)
        {
            group.Start();
        }

        _stopRetention = new CancellationTokenSource();
        var stop = _stopRetention.Token;
        var used = settings.Consumers.Select(DatabaseOf).OfType<EventBusDatabase>().Distinct();
        _retention = Task.WhenAll(used.Select(database => Task.Run(() => new Retention(database, settings.Options, time, loggers.CreateLogger<Retention>()).RunAsync(stop), CancellationToken.None)));
    }

    /// <summary>Has a group begin that waits for a person to choose where.</summary>
    public Task ReleaseAsync(string group, StartFrom startFrom, DateTimeOffset? at, CancellationToken ct)
    {
        ArgumentNullException.ThrowIfNull(group);
        return _groups.Find(g => g.Status.Group == group) is { } found
            ? found.ReleaseAsync(startFrom, at, ct)
            : throw new ArgumentException($"There is no group '{group}'. There are: {string.Join(", ", _groups.Select(g => g.Status.Group))}.", nameof(group));
    }

    public async Task StopAsync(CancellationToken ct)
    {
        await Task.WhenAll(_groups.Select(group => group.StopAsync(ct))).ConfigureAwait(false);
        if (_stopRetention is { } retention)
        {
            await retention.CancelAsync().ConfigureAwait(false);
            await _retention.WaitAsync(ct).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }

        Dispose();
    }

    public void Dispose()
    {
        foreach (var group in _groups)
        {
            group.Dispose();
        }

        _groups = [];
        _outages?.Stop();
        _stopRetention?.Cancel();
        _stopRetention?.Dispose();
        _stopRetention = null;
    }

    private ConsumerGroup Create(string name, IReadOnlyList<ConsumerSettings> consumers)
    {
        List<ConsumerPipeline> pipelines = [];
        List<BatchPipeline> batches = [];
        List<ParkedRecords> parked = [];
        List<InboxStore> inboxes = [];
        foreach (var ofDatabase in consumers.GroupBy(DatabaseOf))
        {
            if (ofDatabase.Key is not { } database)
            {
                pipelines.AddRange(ofDatabase.Select(consumer => Create(consumer, null, null, null, batches)));
                continue;
            }

            var inbox = new InboxStore(database, time, ofDatabase.Max(IdleLimit));
            inboxes.Add(inbox);
            var store = new RetryStore(database, inbox, time);
            List<ConsumerPipeline> own = [.. ofDatabase.Select(consumer => Create(consumer, database, inbox, store, batches))];
            pipelines.AddRange(own);
            var awaited = new AwaitedTypes(database, settings, name, [.. ofDatabase], time);
            parked.Add(new ParkedRecords(name, store, awaited, own, database.Name, _persistence, time, loggers.CreateLogger<ParkedRecords>()));
        }

        var routes = new EventRoutes(
            [.. pipelines.Where(pipeline => !pipeline.Consumer.IsBatch)], batches, topic => settings.UnknownTypesOf(topic) is not UnknownEventTypes.Skip);
        ConsumingLog.GroupStarted(_logger, name, string.Join(", ", routes.Topics), string.Join(", ", consumers.Select(consumer => consumer.Name)));

        // Half, so that the rest of the interval is left for the next poll.
        var pollLimit = clients.MaxPollInterval / 2;
        var status = new GroupStatus(name, consumers, time);
        return new ConsumerGroup(
            status,
            new LostOffsets(status, inboxes, new GroupOffsets(clients, name, routes.Topics), settings.Options.InboxRetention, time, loggers.CreateLogger<LostOffsets>()),
            new GroupLanes(name, new RecordPipeline(routes, time, loggers.CreateLogger<RecordPipeline>()), routes, batches, parked, time, loggers.CreateLogger<GroupLanes>()),
            routes.Topics,
            [.. consumers.Select(consumer => gates[consumer.Name])],
            clients,
            settings.Options.StopTimeout < pollLimit ? settings.Options.StopTimeout : pollLimit,
            time,
            loggers);
    }

    /// <param name="consumer">The consumer.</param>
    /// <param name="database">Where its inbox is.</param>
    /// <param name="inbox">Its inbox.</param>
    /// <param name="store">Its parked records.</param>
    /// <param name="batches">Gets what a consumer of batches has besides.</param>
    private ConsumerPipeline Create(ConsumerSettings consumer, EventBusDatabase? database, InboxStore? inbox, RetryStore? store, List<BatchPipeline> batches)
    {
        if (database is null)
        {
            ConsumingLog.AtLeastOnce(_logger, consumer.Name);
        }

        var gate = gates[consumer.Name];
        var fault = new Fault(database, database is null ? null : _outages!.Of(database, gate), _outages!.Broker, gate);
        var transaction = database is not null && consumer.Options.Transaction == ConsumerTransaction.Database ? new InboxTransaction(database, scopes) : null;
        var retries = new RetryPolicy(consumer, fault, gate, gates.SwitchOf(consumer.Name), time, loggers.CreateLogger<RetryPolicy>());
        var parking = store is null ? null : new Parking(consumer, store, _persistence, loggers.CreateLogger<Parking>());
        var deadLetters = new DeadLetterDesk(
            consumer,
            database is null ? null : new DeadLetterStore(database, inbox!, store!, outbox, signals, settings, time),
            new DeadLetterSender(sender, settings),
            _persistence,
            loggers.CreateLogger<DeadLetterDesk>());
        var pipeline = new ConsumerPipeline(
            settings,
            consumer,
            database,
            inbox,
            transaction,
            gate,
            retries,
            parking,
            new UnknownTypes(consumer, settings, parking, deadLetters, time),
            deadLetters,
            _persistence,
            scopes,
            loggers.CreateLogger<ConsumerPipeline>());
        if (consumer.IsBatch)
        {
            ConsumingLog.TakesBatches(_logger, consumer.Name, consumer.Options.BatchSize, consumer.Options.BatchWait);
            var batchInbox = database is null ? null : new BatchInbox(database, consumer.Group, consumer.Name, time, IdleLimit(consumer));
            var handler = new BatchHandler(
                pipeline, batchInbox, transaction, new ConsumeHooks(settings.ConsumeHooks), _persistence, scopes, loggers.CreateLogger<BatchHandler>());
            batches.Add(new BatchPipeline(pipeline, handler, retries, time, loggers.CreateLogger<BatchPipeline>()));
        }

        return pipeline;
    }

    private static TimeSpan IdleLimit(ConsumerSettings consumer) =>
        consumer.Options.AttemptTimeout < TimeSpan.MaxValue - IdleMargin ? consumer.Options.AttemptTimeout + IdleMargin : TimeSpan.MaxValue;

    private EventBusDatabase? DatabaseOf(ConsumerSettings consumer) => consumer.ContextType is { } type ? databases.Find(type) : null;
}
