using Microsoft.Extensions.Logging;

namespace Cuckoo.EventBus.Consuming;

/// <summary>Goes on until records have their outcome: passing over one would lose it.</summary>
internal sealed class Insistence(TimeProvider time, ILogger logger)
{
    /// <summary>After a failure that the pipelines have no answer to.</summary>
    private static readonly TimeSpan Pause = TimeSpan.FromSeconds(5);

    /// <param name="assignment">Whose records.</param>
    /// <param name="offset">The first one's.</param>
    /// <param name="state">What to run with.</param>
    /// <param name="run">Ends when they have their outcome.</param>
    /// <returns>Whether they have one; they have none only when their partition is given up.</returns>
    public async Task<bool> RunAsync<TState>(PartitionAssignment assignment, long offset, TState state, Func<TState, Task> run)
    {
        var lease = assignment.Lease;
        while (!lease.Ending.IsCancellationRequested)
        {
            try
            {
                await run(state).ConfigureAwait(false);
                return true;
            }
            catch (Exception) when (lease.Ending.IsCancellationRequested)
            {
                // A cancelled handler is no failure, whatever it throws: the next owner gets the record.
            }
            catch (Exception e)
            {
                ConsumingLog.ProcessingFailed(logger, e, assignment.Id, offset);
                await Task.Delay(Pause, time, lease.Ending).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            }
        }

        return false;
    }
}
