using Polly;
using Polly.Retry;

namespace Cuckoo.EventBus.Retrying;

/// <summary>Repeats what must succeed before a record's offset may move, with back-off, for as long as the partition is this process's.</summary>
internal sealed class Persistence(TimeProvider time)
{
    private static readonly ResiliencePropertyKey<Action<Exception>> OnFailure = new("on-failure");

    private readonly ResiliencePipeline _forever = new ResiliencePipelineBuilder { TimeProvider = time }
        .AddRetry(BackOff(args => ValueTask.FromResult(args.Outcome.Exception is not null), args =>
        {
            args.Context.Properties.GetValue(OnFailure, static _ => { })(args.Outcome.Exception!);
            return default;
        }))
        .Build();

    /// <summary>Without a limit of attempts; the pause doubles from 0.2 s to 5 s, long enough to spare a server that comes back.</summary>
    public static RetryStrategyOptions BackOff(
        Func<RetryPredicateArguments<object>, ValueTask<bool>> again, Func<OnRetryArguments<object>, ValueTask> onRetry) => new()
        {
            MaxRetryAttempts = int.MaxValue,
            BackoffType = DelayBackoffType.Exponential,
            UseJitter = true,
            Delay = TimeSpan.FromMilliseconds(200),
            MaxDelay = TimeSpan.FromSeconds(5),
            ShouldHandle = again,
            OnRetry = onRetry,
        };

    /// <exception cref="OperationCanceledException">The partition was given up.</exception>
    public async Task<T> RunAsync<T>(Func<CancellationToken, Task<T>> run, Action<Exception> onFailure, CancellationToken ct)
    {
        var context = ResilienceContextPool.Shared.Get(ct);
        try
        {
            context.Properties.Set(OnFailure, onFailure);
            return await _forever.ExecuteAsync(static async (context, run) => await run(context.CancellationToken).ConfigureAwait(false), context, run).ConfigureAwait(false);
        }
        finally
        {
            ResilienceContextPool.Shared.Return(context);
        }
    }
}
