using System.Data.Common;
using System.Net.Sockets;
using Cuckoo.EventBus.Inbox;
using Cuckoo.EventBus.Kafka;
using Cuckoo.EventBus.Storage;
using Polly.Timeout;

namespace Cuckoo.EventBus.Retrying;

/// <summary>Whose fault a failure is: the record's, which costs an attempt, or that of the database or broker, which costs none.</summary>
internal sealed class Fault(EventBusDatabase? database, BrokerProbe broker, TimeProvider time)
{
    /// <summary>A server that needs longer for SELECT 1 on a new connection is as good as away.</summary>
    private static readonly TimeSpan ProbeLimit = TimeSpan.FromSeconds(5);

    /// <summary>
    /// Whether the failure is nobody's. One that looks like infrastructure is the record's all the same when an independent
    /// question to database and broker is answered: then its own query is at fault.
    /// </summary>
    public async ValueTask<bool> IsNobodysAsync(Exception exception, string topic, CancellationToken ct)
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

        return (database is not null && !await AnswersAsync(database, ct).ConfigureAwait(false))
            || (!chain.Exists(e => e is DbException) && !await broker.AnswersAsync(topic).WaitAsync(ct).ConfigureAwait(false));
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

    private async Task<bool> AnswersAsync(EventBusDatabase database, CancellationToken ct)
    {
        using var limit = new CancellationTokenSource(ProbeLimit, time);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(ct, limit.Token);
        try
        {
            await using var session = await database.OpenAsync(either.Token).ConfigureAwait(false);
            await using var command = session.Command("SELECT 1");
            await command.ExecuteScalarAsync(either.Token).ConfigureAwait(false);
            return true;
        }
        catch (Exception) when (!ct.IsCancellationRequested)
        {
            // No answer is the answer, whatever form it takes.
            return false;
        }
    }
}
