namespace Cuckoo.EventBus.Outbox;

/// <summary>Why a lane is drained.</summary>
[Flags]
internal enum LaneWants
{
    Nothing = 0,

    /// <summary>It may have pending rows.</summary>
    Rows = 1,

    /// <summary>It may have rejected rows that are due again.</summary>
    Retries = 2,

    /// <summary>It may have rows below its floor, or rows that wait behind nobody.</summary>
    Everything = 4 | Rows | Retries,
}
