using Cuckoo.EventBus.Consuming;
using Cuckoo.EventBus.DeadLetters;
using Cuckoo.EventBus.Inbox;
using Cuckoo.EventBus.Kafka;
using Cuckoo.EventBus.Outbox;
using Cuckoo.EventBus.Retrying;
using Cuckoo.EventBus.Storage;
using Cuckoo.EventBus.Telemetry;
using Cuckoo.EventBus.Tests.Sample;
using Cuckoo.EventBus.Wire;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;

namespace Cuckoo.EventBus.Tests.Consuming.Interleavings;

/// <summary>
/// One process's hold on a partition, whose steps the test takes with its own hands. It goes on whatever the group thinks of
/// it, as a process does that was frozen and does not know yet.
/// </summary>
internal sealed class OwnerHand
{
    private readonly ConsumerPipeline _consumer;
    private readonly EventRoutes _routes;
    private readonly RecordPipeline _records;

    public OwnerHand(TestService service, PartitionId partition, TimeProvider? clock = null)
    {
        var services = service.Services;
        var (settings, loggers) = (services.GetRequiredService<BusSettings>(), services.GetRequiredService<ILoggerFactory>());
        var (scopes, time) = (services.GetRequiredService<IServiceScopeFactory>(), clock ?? TimeProvider.System);
        var consumer = settings.Consumers.Single();
        var persistence = new Persistence(TimeProvider.System);
        var gates = services.GetRequiredService<ConsumerGates>();
        var (gate, outages) = (gates[consumer.Name], new OutageWatches(new BrokerProbe(services.GetRequiredService<KafkaClients>()), null, TimeProvider.System));
        Database = services.GetRequiredService<EventBusDatabases>().Find(typeof(ShopContext))!;
        Inbox = new InboxStore(Database, time);
        Store = new RetryStore(Database, Inbox, time);
        DeadLetters = new DeadLetterStore(
            Database, Inbox, Store, services.GetRequiredService<OutboxWriter>(), services.GetRequiredService<OutboxSignals>(), settings, time);
        var parking = new Parking(consumer, Store, persistence, loggers.CreateLogger<Parking>());
        var deadLetters = new DeadLetterDesk(
            consumer, DeadLetters, new DeadLetterSender(services.GetRequiredService<DirectSender>(), settings), persistence, loggers.CreateLogger<DeadLetterDesk>());
        _consumer = new ConsumerPipeline(
            settings,
            consumer,
            Database,
            Inbox,
            new InboxTransaction(Database, scopes),
            gate,
            new RetryPolicy(
                consumer, new Fault(Database, outages.Of(Database, gate), outages.Broker, gate), gate, gates.SwitchOf(consumer.Name), time, loggers.CreateLogger<RetryPolicy>()),
            parking,
            new UnknownTypes(consumer, settings, parking, deadLetters, time),
            deadLetters,
            persistence,
            scopes,
            loggers.CreateLogger<ConsumerPipeline>());
        _routes = new EventRoutes([_consumer], [], _ => false);
        _records = new RecordPipeline(_routes, time, loggers.CreateLogger<RecordPipeline>());
        Settings = consumer;
        Script = services.GetRequiredService<Script>();
        Log = service.Log;
        Assignment = new PartitionAssignment(partition);
        var awaited = new AwaitedTypes(Database, settings, consumer.Group, [consumer], time);
        Parked = new ParkedRecords(consumer.Group, Store, awaited, [_consumer], Database.Name, persistence, time, loggers.CreateLogger<ParkedRecords>());
    }

    public ConsumerSettings Settings { get; }

    public Script Script { get; }

    public LogCapture Log { get; }

    public EventBusDatabase Database { get; }

    public InboxStore Inbox { get; }

    public RetryStore Store { get; }

    public DeadLetterStore DeadLetters { get; }

    public PartitionAssignment Assignment { get; }

    public ParkedRecords Parked { get; }

    /// <summary>Whether it holds a key's records back.</summary>
    public bool Holds(string key) => Assignment.Parked.Holds(Settings.Name, System.Text.Encoding.UTF8.GetBytes(key));

    /// <summary>Gets the partition: loads what is parked.</summary>
    public async Task<OwnerHand> TakeOverAsync()
    {
        await Parked.LoadAsync(Assignment);
        return this;
    }

    /// <summary>Its lane is given a record of the topic.</summary>
    public Task ReceiveAsync(IncomingRecord record)
    {
        var (typeName, route) = _routes.Find(record);
        return _records.RunAsync(_consumer, Assignment.Deliver(record, typeName, route!.Type, lanes: 1));
    }

    /// <summary>What its sweep finds.</summary>
    public Task<IReadOnlyList<DueRow>> DueAsync() => Store.DueAsync(Settings.Group, [Settings.Name], [Assignment.Id], 1000, default);

    /// <summary>What its sweep finds as soon as anything is due.</summary>
    public async Task<DueRow> EventuallyDueAsync() => (await Eventually.Until(DueAsync, due => due.Count > 0, what: "a row that is due"))[0];

    /// <summary>Its lane looks for the parked record to try.</summary>
    public Task<ParkedRow?> FirstAsync(DueRow due) => _consumer.FirstParkedAsync(due, Assignment);

    /// <summary>Its lane tries parked records until one has to wait, or others have their turn.</summary>
    public Task<bool> RunParkedAsync(DueRow due) => _records.RunParkedAsync(new ParkedWork(due, Assignment, _consumer, Parked));

    /// <summary>Its lane has all the turns it needs until a parked record has to wait, or none is left.</summary>
    public async Task WorkOffAsync(DueRow due)
    {
        while (await RunParkedAsync(due))
        {
        }
    }

    /// <summary>Its lane tries the parked record that it has looked up, perhaps long ago.</summary>
    public Task TryAsync(ParkedRow row)
    {
        var incoming = Read(row.Record);
        return _consumer.RunParkedAsync(incoming, EventContexts.Of(incoming, Settings, TracePropagation.Extract(row.Record.Headers)) with { ReplayCount = row.ReplayCount }, row, Assignment);
    }

    public IncomingEvent Read(IncomingRecord record) => IncomingEvent.Read(record, Settings.EventTypes[0], Settings.EventTypes[0].Name);
}
