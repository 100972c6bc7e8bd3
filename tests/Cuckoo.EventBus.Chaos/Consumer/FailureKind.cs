namespace Cuckoo.EventBus.Chaos.Consumer;

/// <summary>How a handler fails.</summary>
internal enum FailureKind
{
    /// <summary>With something that trying again may help against.</summary>
    Fail,

    /// <summary>With something that will take a while.</summary>
    Park,

    /// <summary>With something that nothing helps against.</summary>
    Reject,
}
