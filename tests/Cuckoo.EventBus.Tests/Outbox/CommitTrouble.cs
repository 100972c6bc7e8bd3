using System.Data.Common;
using Microsoft.EntityFrameworkCore.Diagnostics;

namespace Cuckoo.EventBus.Tests.Outbox;

/// <summary>Fails the first commits as a database in trouble does.</summary>
internal sealed class CommitTrouble : DbTransactionInterceptor
{
    public int Failures { get; set; }

    public override InterceptionResult TransactionCommitting(DbTransaction transaction, TransactionEventData eventData, InterceptionResult result)
    {
        FailPerhaps();
        return result;
    }

    public override ValueTask<InterceptionResult> TransactionCommittingAsync(
        DbTransaction transaction, TransactionEventData eventData, InterceptionResult result, CancellationToken cancellationToken = default)
    {
        FailPerhaps();
        return ValueTask.FromResult(result);
    }

    private void FailPerhaps()
    {
        if (Failures > 0)
        {
            Failures--;
            throw new TimeoutException("the database's own trouble");
        }
    }
}
