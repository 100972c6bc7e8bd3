using System.Runtime.ExceptionServices;
using Cuckoo.EventBus.Inbox;
using Cuckoo.EventBus.Retrying;
using Microsoft.Extensions.Logging;

namespace Cuckoo.EventBus.Consuming;

/// <summary>Finds out what became of one consumer's commits whose answer was an error.</summary>
internal sealed class CommitInquiry(string consumer, Persistence persistence, ILogger logger)
{
    /// <summary>Asks the inbox until it answers. A commit lost to an outage costs no attempt, one that was refused does.</summary>
    /// <param name="unknown">The commit.</param>
    /// <param name="find">Asks.</param>
    /// <param name="isDecided">Whether the answer leaves nothing to do.</param>
    /// <param name="ct">Cancelled when the partition is given up.</param>
    /// <exception cref="UnavailableException">It did not take place, because the database went away.</exception>
    /// <exception cref="Exception">It did not take place, for this reason.</exception>
    public async Task<T> AskAsync<T>(CommitUnknownException unknown, Func<CancellationToken, Task<T>> find, Func<T, bool> isDecided, CancellationToken ct)
    {
        var commitFailure = unknown.InnerException!;
        ConsumingLog.CommitUnknown(logger, commitFailure, consumer);
        var wasAway = false;
        var answer = await persistence.RunAsync(
            find,
            e =>
            {
                wasAway = true;
                ConsumingLog.InboxAway(logger, e, consumer);
            },
            ct).ConfigureAwait(false);
        if (isDecided(answer))
        {
            return answer;
        }

        if (wasAway)
        {
            throw new UnavailableException("The database went away during the commit, which did not take place.", commitFailure);
        }

        ExceptionDispatchInfo.Throw(commitFailure);
        return default;
    }
}
