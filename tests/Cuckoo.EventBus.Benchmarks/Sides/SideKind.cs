namespace Cuckoo.EventBus.Benchmarks.Sides;

/// <summary>What a measured process does.</summary>
internal enum SideKind
{
    /// <summary>Ours: a host with the outbox, its relay, and transactions that publish.</summary>
    Bus,

    /// <summary>By hand: drains its own outbox table.</summary>
    DrainLoop,

    /// <summary>By hand: commits, produces, awaits the acknowledgement, deletes.</summary>
    CommitLoop,

    /// <summary>By hand: transactions that insert into the outbox table by a command of their own.</summary>
    Inserts,

    /// <summary>Ours: publishes without an outbox.</summary>
    DirectPublisher,

    /// <summary>By hand: the raw producer.</summary>
    RawProducer,

    /// <summary>Ours: a host with one consumer.</summary>
    BusConsumer,

    /// <summary>By hand: the raw loop, without a database.</summary>
    ConsumeLoop,

    /// <summary>By hand: workers with an inbox.</summary>
    InboxLoop,

    /// <summary>By hand: workers with an inbox and batches.</summary>
    BatchLoop,

    /// <summary>Ours: the service that takes orders and confirms them.</summary>
    ChainOrders,

    /// <summary>Ours: the service that takes the payments of orders.</summary>
    ChainPayments,

    /// <summary>Ours: the service that reserves what is paid.</summary>
    ChainStock,

    /// <summary>Of ours only what the instrumentation does when an event is published without an outbox.</summary>
    PublishCalls,

    /// <summary>Of ours only what the instrumentation does when a record is handled that belongs to no trace.</summary>
    ConsumeCalls,

    /// <summary>The same of a record that belongs to one, which is the handler's too where nobody listens.</summary>
    ConsumeCallsTraced,
}
