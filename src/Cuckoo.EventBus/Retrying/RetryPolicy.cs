using Cuckoo.EventBus.Storage;
using Cuckoo.EventBus.Telemetry;
using Microsoft.Extensions.Logging;
using Polly;
using Polly.Retry;

namespace Cuckoo.EventBus.Retrying;

/// <summary>
/// How often a consumer tries a record, and what counts as a try: attempts are counted outside; inside, what is nobody's fault
/// is repeated until it goes away. Safe for concurrent use.
/// </summary>
internal sealed class RetryPolicy
{
    private static readonly ResiliencePropertyKey<string> Topic = new("topic");

    /// <summary>Polly's own upper limit of a pause.</summary>
    private static readonly TimeSpan LongestDelay = TimeSpan.FromDays(1);

    private readonly ConsumerSettings _consumer;
    private readonly Fault _fault;
    private readonly TimeProvider _time;
    private readonly ILogger _logger;
    private readonly ResiliencePipeline _attempts;
    private readonly ResiliencePipeline _untilSomeonesFault;

    public RetryPolicy(ConsumerSettings consumer, Fault fault, TimeProvider time, ILogger<RetryPolicy> logger)
    {
        _consumer = consumer;
        _fault = fault;
        _time = time;
        _logger = logger;
        _attempts = Attempts(consumer.Options, time);
        _untilSomeonesFault = new ResiliencePipelineBuilder { TimeProvider = time }
            .AddRetry(Persistence.BackOff(IsNobodysFaultAsync, OnWaitAsync))
            .Build();
        TimeLimit = new ResiliencePipelineBuilder { TimeProvider = time }
            // By a generator: that takes any length, the property only up to a day.
            .AddTimeout(new Polly.Timeout.TimeoutStrategyOptions { TimeoutGenerator = _ => ValueTask.FromResult(consumer.Options.AttemptTimeout) })
            .Build();
    }

    /// <summary>Cancels the token of an attempt that takes too long, and makes its end a failure.</summary>
    public ResiliencePipeline TimeLimit { get; }

    /// <param name="attempt">Gets the attempt's number; the same one again where the last try was nobody's fault.</param>
    /// <param name="topic">The record's.</param>
    /// <param name="row">The record's parked row: once tried, it gets one attempt at a time.</param>
    /// <param name="ct">Cancelled when no further attempt shall begin; one that runs may still succeed.</param>
    /// <returns><see langword="null"/> after success, else the last failure.</returns>
    /// <exception cref="OperationCanceledException">It did not succeed, and there is no further attempt.</exception>
    public async Task<Failure?> RunAsync(Func<int, Task> attempt, string topic, ParkedRow? row, CancellationToken ct)
    {
        var number = row?.Attempts ?? 0;
        DateTimeOffset? first = number > 0 ? row!.FirstFailedAt : null;
        DateTimeOffset last = default;
        try
        {
            await (number == 0 ? _attempts : ResiliencePipeline.Empty).ExecuteAsync(
                async token =>
                {
                    if (++number > 1)
                    {
                        BusMetrics.Retries.Add(1, BusMetrics.GroupTag(_consumer.Group), BusMetrics.ConsumerTag(_consumer.Name));
                    }

                    try
                    {
                        await RunUntilSomeonesFaultAsync(attempt, number, topic, token).ConfigureAwait(false);
                    }
                    catch (Exception e) when (!ct.IsCancellationRequested)
                    {
                        last = _time.GetUtcNow();
                        first ??= last;
                        RetryingLog.AttemptFailed(_logger, e, number, _consumer.Options.Attempts, _consumer.Name);
                        throw;
                    }
                },
                ct).ConfigureAwait(false);
            return null;
        }
        catch (Exception e) when (!ct.IsCancellationRequested)
        {
            return new Failure(e, number, first ?? last, last, row?.ReplayCount ?? 0);
        }
    }

    /// <summary>One try of several records together, of which none can be charged an attempt before it is known whose fault a failure is.</summary>
    /// <param name="attempt">Run again where the last try was nobody's fault.</param>
    /// <param name="topic">The records'.</param>
    /// <param name="ct">Cancelled when no further try shall begin; one that runs may still succeed.</param>
    /// <returns><see langword="null"/> after success, else the failure of one or more of them.</returns>
    /// <exception cref="OperationCanceledException">It did not succeed, and there is no further try.</exception>
    public async Task<Exception?> RunTogetherAsync(Func<Task> attempt, string topic, CancellationToken ct)
    {
        try
        {
            await RunUntilSomeonesFaultAsync(_ => attempt(), number: 1, topic, ct).ConfigureAwait(false);
            return null;
        }
        catch (Exception e) when (!ct.IsCancellationRequested)
        {
            return e;
        }
    }

    /// <summary>How long a record that failed is parked; <see langword="null"/> if it is to be given up.</summary>
    public TimeSpan? ParkedDelay(Failure failure)
    {
        var options = _consumer.Options;
        return options.ParkedAttempts == 0 || failure.Attempts >= options.Attempts + options.ParkedAttempts || IsOneOf(options.Rejected, failure.Exception)
            ? null
            : RetrySchedule.Delay(Math.Max(0, failure.Attempts - options.Attempts), options.ParkedRetryDelay, options.MaxParkedRetryDelay);
    }

    private static ResiliencePipeline Attempts(ConsumerOptions options, TimeProvider time) => options.Attempts == 1
        ? ResiliencePipeline.Empty
        : new ResiliencePipelineBuilder { TimeProvider = time }
            .AddRetry(new RetryStrategyOptions
            {
                MaxRetryAttempts = options.Attempts - 1,
                BackoffType = DelayBackoffType.Exponential,
                UseJitter = true,
                Delay = Shorter(options.RetryDelay),
                MaxDelay = Shorter(options.MaxRetryDelay),
                ShouldHandle = args => ValueTask.FromResult(args.Outcome.Exception is { } e && !IsOneOf(options.Rejected, e) && !IsOneOf(options.Parked, e)),
            })
            .Build();

    private static bool IsOneOf(List<Type> types, Exception exception) => types.Exists(type => type.IsInstanceOfType(exception));

    private static TimeSpan Shorter(TimeSpan delay) => delay < LongestDelay ? delay : LongestDelay;

    private async Task RunUntilSomeonesFaultAsync(Func<int, Task> attempt, int number, string topic, CancellationToken ct)
    {
        var context = ResilienceContextPool.Shared.Get(ct);
        try
        {
            context.Properties.Set(Topic, topic);
            await _untilSomeonesFault.ExecuteAsync(
                static async (_, run) => await run.attempt(run.number).ConfigureAwait(false), context, (attempt, number)).ConfigureAwait(false);
        }
        finally
        {
            ResilienceContextPool.Shared.Return(context);
        }
    }

    private ValueTask<bool> IsNobodysFaultAsync(RetryPredicateArguments<object> args) =>
        args.Outcome.Exception is { } e && !args.Context.CancellationToken.IsCancellationRequested
            ? _fault.IsNobodysAsync(e, args.Context.Properties.GetValue(Topic, ""), args.Context.CancellationToken)
            : ValueTask.FromResult(false);

    private ValueTask OnWaitAsync(OnRetryArguments<object> args)
    {
        RetryingLog.Waiting(_logger, args.Outcome.Exception!, _consumer.Name, args.RetryDelay);
        return default;
    }
}
