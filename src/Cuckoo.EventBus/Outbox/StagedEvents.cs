using Microsoft.EntityFrameworkCore;

namespace Cuckoo.EventBus.Outbox;

/// <summary>
/// What one lease of a context has staged. By the lease and not the instance: a pooled context's next user must not publish
/// what a failed request left. Like the context not for concurrent use.
/// </summary>
internal sealed class StagedEvents(DbContextId lease)
{
    private readonly HashSet<string> _ids = new(StringComparer.Ordinal);
    private Guid? _idsOf;
    private long _lastId;

    public DbContextId Lease { get; } = lease;

    /// <summary>Everything staged by a call, in order; the change tracker decides what of it still stands.</summary>
    public List<OutboxMessage> Staged { get; } = [];

    /// <summary>Taken out of EF's own commands, to be written after them. Empty between saves.</summary>
    public List<OutboxMessage> Saving { get; } = [];

    /// <summary>The entities whose events are among <see cref="Saving"/>.</summary>
    public List<IHasDomainEvents> Raising { get; } = [];

    /// <summary>Whether a save with messages is under way.</summary>
    public bool IsSaving { get; set; }

    /// <summary>Whether that save opens its own transaction, so that its commit is the one to write in.</summary>
    public bool SaveHasOwnTransaction { get; set; }

    /// <summary>Whether the save's messages are in the transaction.</summary>
    public bool IsWritten { get; set; }

    /// <summary>Whether a save failed, or a savepoint was rolled back, since messages were staged: then a commit alone must not write them.</summary>
    public bool IsDoubtful { get; set; }

    /// <summary>What the last save wrote, until EF says whether its changes are accepted.</summary>
    public List<OutboxMessage> Saved { get; } = [];

    /// <summary>What the context was set to before the save.</summary>
    public AutoTransactionBehavior? AutoTransactionBehavior { get; set; }

    /// <summary>
    /// A key for the change tracker. Given by us and not temporary, or <c>AcceptAllChanges</c> would refuse the message.
    /// </summary>
    public long NextId() => --_lastId;

    public void Remove(List<OutboxMessage> messages)
    {
        if (messages.Count > 0)
        {
            var gone = messages.ToHashSet();
            Staged.RemoveAll(gone.Contains);
        }
    }

    /// <summary>Whether no event of this id was published in this transaction (by EF's id of it).</summary>
    public bool IsNewId(string id, Guid? transaction)
    {
        if (transaction != _idsOf)
        {
            // A transaction can end without a word to us, by a foreign commit.
            _idsOf = transaction;
            ForgetIds();
        }

        return !_ids.Contains(id);
    }

    public void AddId(string id) => _ids.Add(id);

    public void ForgetId(string id) => _ids.Remove(id);

    /// <summary>Forgets the ids of a transaction that ended; those of messages not yet saved stay.</summary>
    public void ForgetIds()
    {
        _ids.Clear();
        _ids.UnionWith(Staged.Where(m => !m.IsWritten).Select(m => m.EventId));
    }
}
