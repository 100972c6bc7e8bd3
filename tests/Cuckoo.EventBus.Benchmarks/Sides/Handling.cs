namespace Cuckoo.EventBus.Benchmarks.Sides;

/// <summary>What a handler does with an event.</summary>
internal enum Handling
{
    /// <summary>Nothing, without a database.</summary>
    Nothing,

    /// <summary>Waits a while without using the processor, without a database.</summary>
    Waits,

    /// <summary>Inserts a row by a statement of its own.</summary>
    InsertsRow,

    /// <summary>Adds an entity to the context, which is then saved.</summary>
    AddsEntity,

    /// <summary>Inserts the rows of a batch by one statement.</summary>
    InsertsBatch,

    /// <summary>Inserts a row, but fails for some keys while the fault is on; these are parked at once.</summary>
    InsertsUnlessFaulty,
}
