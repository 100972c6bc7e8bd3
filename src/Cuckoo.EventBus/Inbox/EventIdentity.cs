namespace Cuckoo.EventBus.Inbox;

/// <summary>One event, in the form that the table holds; with group and consumer it is an <see cref="InboxKey"/>.</summary>
internal readonly record struct EventIdentity(string Source, string Id)
{
    /// <summary>
    /// The order in which every process claims the events of a batch. Of two batches that overlap, one waits for the other at the
    /// first event that they share, and they never wait for each other.
    /// </summary>
    public static int InOrderOfClaims(EventIdentity x, EventIdentity y) =>
        string.CompareOrdinal(x.Source, y.Source) is var bySource and not 0 ? bySource : string.CompareOrdinal(x.Id, y.Id);
}
