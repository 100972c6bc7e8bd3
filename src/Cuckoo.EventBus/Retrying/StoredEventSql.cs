using System.Data.Common;
using Cuckoo.EventBus.Inbox;
using Cuckoo.EventBus.Storage;
using Cuckoo.EventBus.Wire;

namespace Cuckoo.EventBus.Retrying;

/// <summary>The parameters of <see cref="StoredRecordSql.Values"/>.</summary>
internal static class StoredEventSql
{
    /// <param name="command">Inserts the row.</param>
    /// <param name="incoming">The event.</param>
    /// <param name="key">Its identity at its consumer.</param>
    /// <param name="failure">Why it is put there; <see langword="null"/> for one that was not tried.</param>
    /// <param name="now">When.</param>
    public static void AddStored(this DbCommand command, IncomingEvent incoming, InboxKey key, Failure? failure, DateTimeOffset now)
    {
        InboxStore.AddKey(command, key);
        command.AddParameter("type", StoredRecordSql.TypeOf(incoming));
        command.AddRecord(incoming.Record);
        command.AddAttempts(failure, now);
        command.AddParameter("replays", failure?.ReplayCount ?? 0);
        command.AddParameter("now", now.UtcDateTime);
    }

    public static void AddAttempts(this DbCommand command, Failure? failure, DateTimeOffset now)
    {
        command.AddParameter("attempts", failure?.Attempts ?? 0);
        command.AddParameter("first", (failure?.First ?? now).UtcDateTime);
        command.AddParameter("last", (failure?.Last ?? now).UtcDateTime);
    }
}
