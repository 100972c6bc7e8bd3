namespace Cuckoo.EventBus.Chaos.Outbox;

/// <summary>How many ordered events a key has. Its row is what transactions of the key conflict on.</summary>
internal sealed class Counter : IHasDomainEvents
{
    private readonly List<object> _raised = [];

    public required string Key { get; init; }

    /// <summary>A concurrency token, for those who save without having locked the row.</summary>
    public long Number { get; set; }

    public IReadOnlyCollection<object> DomainEvents => _raised;

    public void Raise(Noted noted) => _raised.Add(noted);

    public void ClearDomainEvents() => _raised.Clear();
}
