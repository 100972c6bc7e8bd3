using System.Data.Common;
using System.Net.Sockets;
using Cuckoo.EventBus.Inbox;
using Cuckoo.EventBus.Storage;
using Polly.Timeout;

namespace Cuckoo.EventBus.Retrying;

/// <summary>Whose fault a failure of one consumer is: the record's, which costs an attempt, or that of the database or broker, which costs none.</summary>
internal sealed class Fault(EventBusDatabase? database, OutageWatch? databaseWatch, OutageWatch brokerWatch, ConsumerGate gate)
{
    /// <summary>
    /// Whether the failure is nobody's. One that looks like infrastructure is the record's all the same when an independent
    /// question to database and broker is answered: then its own query is at fault. When one is not answered, the consumer is
    /// paused.
    /// </summary>
    /// <param name="exception">The failure.</param>
    /// <param name="began">When the attempt began, as a timestamp of the clock.</param>
    /// <param name="ct">Ends the waiting for an answer.</param>
    public async ValueTask<bool> IsNobodysAsync(Exception exception, long began, CancellationToken ct)
    {
        var chain = Chain(exception).ToList();
        if (chain.Exists(e => e is UnavailableException || IsBusy(e)))
        {
            return true;
        }

        // The bus's own exception is what a direct publish without an acknowledgement throws.
        if (!chain.Exists(e => e is DbException or TimeoutException or TimeoutRejectedException or IOException or SocketException or EventBusException))
        {
            return false;
        }

        return (databaseWatch is not null && await databaseWatch.ExplainsAsync(gate, began, ct).ConfigureAwait(false))
            || (!chain.Exists(e => e is DbException) && await brokerWatch.ExplainsAsync(gate, began, ct).ConfigureAwait(false));
    }

    private static IEnumerable<Exception> Chain(Exception exception)
    {
        yield return exception;
        IEnumerable<Exception> inner = exception is AggregateException aggregate ? aggregate.InnerExceptions
            : exception.InnerException is { } one ? [one] : [];
        foreach (var e in inner.SelectMany(Chain))
        {
            yield return e;
        }
    }

    /// <summary>Another process of the one-writer database is at its turn.</summary>
    private bool IsBusy(Exception e) =>
        e is DbException busy && database is { Layout.Dialect: { HasOneWriter: true } dialect } && dialect.IsLockTimeout(busy);
}
