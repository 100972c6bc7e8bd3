using System.Data.Common;
using Cuckoo.EventBus.Storage;

namespace Cuckoo.EventBus.Inbox;

/// <summary>What <see cref="InboxTransaction"/> runs as one transaction. Each step may run again, in another transaction, after trouble with the database.</summary>
/// <param name="Claim">Writes the outcome; unless that is <see langword="null"/>, it stands already and nothing else runs.</param>
/// <param name="Handle">The handler, given the scope that holds its context.</param>
/// <param name="Settle">What else is committed with it. Default: nothing.</param>
internal sealed record InboxWork(
    Func<DatabaseLayout, DbConnection, DbTransaction, CancellationToken, Task<InboxOutcome?>> Claim,
    Func<IServiceProvider, CancellationToken, Task> Handle,
    Func<DatabaseLayout, DbConnection, DbTransaction, CancellationToken, Task>? Settle = null);
