using System.Data.Common;
using System.Net.Sockets;
using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;

namespace Cuckoo.EventBus.Chaos.Outbox;

/// <summary>Writes one transaction after the other, in several loops, until the quiet file is there.</summary>
internal sealed class Writers(IServiceScopeFactory scopes, WorkerSettings settings, ILogger<Writers> logger) : BackgroundService
{
    // What the harness waits for in the output.
    public const string Begun = "The first transaction is through.";
    public const string Ended = "The writers have ended.";

    private const int Loops = 4;

    /// <summary>Between two transactions of a loop: so that two cores have some time left for relays and servers.</summary>
    private static readonly TimeSpan LongestPause = TimeSpan.FromMilliseconds(120);

    private static readonly TimeSpan PauseAfterTrouble = TimeSpan.FromMilliseconds(200);

    private int _through;

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        await Task.WhenAll(Enumerable.Range(0, Loops).Select(loop => Task.Run(() => WriteAsync(new Random(settings.Seed + loop), stoppingToken), stoppingToken)));
        if (!stoppingToken.IsCancellationRequested)
        {
            Console.WriteLine(Ended);
        }
    }

    private async Task WriteAsync(Random random, CancellationToken ct)
    {
        while (!ct.IsCancellationRequested && !File.Exists(settings.QuietFile))
        {
            try
            {
                await using var scope = scopes.CreateAsyncScope();
                var writing = ActivatorUtilities.CreateInstance<Writing>(scope.ServiceProvider, random);
                await writing.WriteAsync(ct);
                if (Interlocked.Exchange(ref _through, 1) == 0)
                {
                    Console.WriteLine(Begun);
                }

                await Task.Delay(random.Between(TimeSpan.Zero, LongestPause), ct);
            }
            catch (DbUpdateConcurrencyException)
            {
                // Someone else has bumped the counter since it was read: another transaction then.
            }
            catch (OperationCanceledException) when (ct.IsCancellationRequested)
            {
                return;
            }
            catch (Exception e) when (IsDatabaseTrouble(e))
            {
                // Whether the commit went through is unknown here. Those who check ask the database.
                await Task.Delay(PauseAfterTrouble, CancellationToken.None);
            }
            catch (Exception e)
            {
                logger.LogCritical(e, "A transaction failed in a way that no application expects.");
                await Task.Delay(PauseAfterTrouble, CancellationToken.None);
                Environment.Exit(70);
            }
        }
    }

    private static bool IsDatabaseTrouble(Exception? e) =>
        e is not null && (e is DbException or SocketException or IOException or TimeoutException || IsDatabaseTrouble(e.InnerException));
}
