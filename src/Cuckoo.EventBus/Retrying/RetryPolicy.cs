using System.Runtime.ExceptionServices;
using Cuckoo.EventBus.Inbox;
using Cuckoo.EventBus.Storage;
using Cuckoo.EventBus.Telemetry;
using Microsoft.Extensions.Logging;
using Polly;
using Polly.CircuitBreaker;
using Polly.Retry;

namespace Cuckoo.EventBus.Retrying;

/// <summary>
/// How often a consumer tries a record, and what counts as a try: attempts are counted outside; inside, what is nobody's fault
/// is repeated until it goes away. Safe for concurrent use.
/// </summary>
internal sealed class RetryPolicy
{
    private static readonly ResiliencePropertyKey<long> Began = new("began");

    /// <summary>Lets the kill switch's one trial come to its end before the next look.</summary>
    private static readonly TimeSpan SwitchedOffDelay = TimeSpan.FromMilliseconds(50);

    /// <summary>Polly's own upper limit of a pause.</summary>
    private static readonly TimeSpan LongestDelay = TimeSpan.FromDays(1);

    private readonly ConsumerSettings _consumer;
    private readonly Fault _fault;
    private readonly ConsumerGate _gate;
    private readonly TimeProvider _time;
    private readonly ILogger _logger;
    private readonly ResiliencePipeline _attempts;
    private readonly ResiliencePipeline _untilSomeonesFault;
    private readonly ResiliencePipeline _attempt;
    private readonly bool _isSwitched;

    public RetryPolicy(ConsumerSettings consumer, Fault fault, ConsumerGate gate, KillSwitch killSwitch, TimeProvider time, ILogger<RetryPolicy> logger)
    {
        _consumer = consumer;
        _fault = fault;
        _gate = gate;
        _time = time;
        _logger = logger;
        _attempts = Attempts(consumer.Options);
        var waiting = Persistence.BackOff(IsNobodysFaultAsync, OnWaitAsync);
        waiting.DelayGenerator = args => ValueTask.FromResult(DelayAfter(args.Outcome.Exception));
        _untilSomeonesFault = new ResiliencePipelineBuilder { TimeProvider = time }.AddRetry(waiting).Build();
        var attempt = new ResiliencePipelineBuilder { TimeProvider = time };
        _isSwitched = killSwitch.TryAddTo(attempt, IsChargedAsync);
        _attempt = attempt
            // By a generator: that takes any length, the property only up to a day.
            .AddTimeout(new Polly.Timeout.TimeoutStrategyOptions { TimeoutGenerator = _ => ValueTask.FromResult(consumer.Options.AttemptTimeout) })
            .Build();
    }

    /// <summary>
    /// One run of a handler: cancels its token when it takes too long, and makes its end a failure; counts for the kill switch.
    /// </summary>
    /// <exception cref="PausedException">The kill switch was faster; the handler did not run.</exception>
    public ValueTask<TResult> AttemptAsync<TState, TResult>(Func<TState, CancellationToken, ValueTask<TResult>> handle, TState state, CancellationToken ct) =>
        _isSwitched ? AttemptSwitchedAsync(handle, state, ct) : _attempt.ExecuteAsync(handle, state, ct);

    /// <param name="attempt">Gets the attempt's number; the same one again where the last try was nobody's fault.</param>
    /// <param name="state">What it is given.</param>
    /// <param name="row">The record's parked row: once tried, it gets one attempt at a time.</param>
    /// <param name="ct">Cancelled when no further attempt shall begin; one that runs may still succeed.</param>
    /// <returns><see langword="null"/> after success, else the last failure.</returns>
    /// <exception cref="OperationCanceledException">It did not succeed, and there is no further attempt.</exception>
    public async ValueTask<Failure?> RunAsync<TState>(Func<TState, int, Task> attempt, TState state, ParkedRow? row, CancellationToken ct)
    {
        var number = (row?.Attempts ?? 0) + 1;
        CountRetry(number);
        var began = _time.GetTimestamp();
        try
        {
            // Almost all succeed at once, and cost nothing of what is there for failures.
            await attempt(state, number).ConfigureAwait(false);
            return null;
        }
        catch (Exception e) when (!ct.IsCancellationRequested)
        {
            return await GoOnAsync(attempt, state, new Tried(e, began), row, ct).ConfigureAwait(false);
        }
    }

    /// <param name="attempt">The attempt.</param>
    /// <param name="state">What it is given.</param>
    /// <param name="tried">What became of the first one.</param>
    /// <param name="row">The record's parked row.</param>
    /// <param name="ct">Cancelled when no further attempt shall begin.</param>
    private async Task<Failure?> GoOnAsync<TState>(Func<TState, int, Task> attempt, TState state, Tried tried, ParkedRow? row, CancellationToken ct)
    {
        var number = row?.Attempts ?? 0;
        DateTimeOffset? first = number > 0 ? row!.FirstFailedAt : null;
        DateTimeOffset last = default;
        try
        {
            await (number == 0 ? _attempts : ResiliencePipeline.Empty).ExecuteAsync(
                async token =>
                {
                    number++;
                    if (!tried.IsPending)
                    {
                        CountRetry(number);
                    }

                    try
                    {
                        await RunUntilSomeonesFaultAsync(n => attempt(state, n), number, tried, token).ConfigureAwait(false);
                    }
                    catch (Exception e) when (!ct.IsCancellationRequested)
                    {
                        last = _time.GetUtcNow();
                        first ??= last;
                        ProcessSpan.AttemptFailed(e, number);
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
    /// <param name="ct">Cancelled when no further try shall begin; one that runs may still succeed.</param>
    /// <returns><see langword="null"/> after success, else the failure of one or more of them.</returns>
    /// <exception cref="OperationCanceledException">It did not succeed, and there is no further try.</exception>
    public async Task<Exception?> RunTogetherAsync(Func<Task> attempt, CancellationToken ct)
    {
        try
        {
            await RunUntilSomeonesFaultAsync(_ => attempt(), number: 1, tried: null, ct).ConfigureAwait(false);
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

    private ResiliencePipeline Attempts(ConsumerOptions options) => options.Attempts == 1
        ? ResiliencePipeline.Empty
        : new ResiliencePipelineBuilder { TimeProvider = _time }
            .AddRetry(new RetryStrategyOptions
            {
                MaxRetryAttempts = options.Attempts - 1,
                BackoffType = DelayBackoffType.Exponential,
                UseJitter = true,
                Delay = Shorter(options.RetryDelay),
                MaxDelay = Shorter(options.MaxRetryDelay),
                ShouldHandle = args => ValueTask.FromResult(args.Outcome.Exception is { } e && !IsOneOf(options.Rejected, e) && !IsOneOf(options.Parked, e)),
                OnRetry = args =>
                {
                    // The last one's failure is told with what becomes of the event.
                    RetryingLog.AttemptFailed(_logger, args.Outcome.Exception!, args.AttemptNumber + 1, options.Attempts, _consumer.Name, args.RetryDelay);
                    return default;
                },
            })
            .Build();

    private static bool IsOneOf(List<Type> types, Exception exception) => types.Exists(type => type.IsInstanceOfType(exception));

    private static TimeSpan Shorter(TimeSpan delay) => delay < LongestDelay ? delay : LongestDelay;

    /// <param name="attempt">The attempt.</param>
    /// <param name="number">Its number.</param>
    /// <param name="tried">What became of the first one, if it was made.</param>
    /// <param name="ct">Cancelled when no further one shall begin.</param>
    private async Task RunUntilSomeonesFaultAsync(Func<int, Task> attempt, int number, Tried? tried, CancellationToken ct)
    {
        var context = ResilienceContextPool.Shared.Get(ct);
        try
        {
            await _untilSomeonesFault.ExecuteAsync(
                static async (context, run) =>
                {
                    if (run.tried is { IsPending: true })
                    {
                        context.Properties.Set(Began, run.tried.Began);
                        run.tried.Throw();
                    }

                    context.Properties.Set(Began, run._time.GetTimestamp());
                    await run.attempt(run.number).ConfigureAwait(false);
                },
                context,
                (attempt, number, tried, _time)).ConfigureAwait(false);
        }
        finally
        {
            ResilienceContextPool.Shared.Return(context);
        }
    }

    private void CountRetry(int number)
    {
        if (number > 1)
        {
            BusMetrics.Retries.Add(1, BusMetrics.GroupTag(_consumer.Group), BusMetrics.ConsumerTag(_consumer.Name));
        }
    }

    private async ValueTask<TResult> AttemptSwitchedAsync<TState, TResult>(Func<TState, CancellationToken, ValueTask<TResult>> handle, TState state, CancellationToken ct)
    {
        var run = new HandlerRun<TState, TResult>(handle, state);
        var context = ResilienceContextPool.Shared.Get(ct);
        try
        {
            context.Properties.Set(Began, _time.GetTimestamp());
            return await _attempt.ExecuteAsync(static (context, run) => run.BeginAsync(context.CancellationToken), context, run).ConfigureAwait(false);
        }
        catch (BrokenCircuitException e) when (!run.HasBegun)
        {
            throw new PausedException(e);
        }
        finally
        {
            ResilienceContextPool.Shared.Return(context);
        }
    }

    private async ValueTask<bool> IsNobodysFaultAsync(RetryPredicateArguments<object> args)
    {
        if (args.Outcome.Exception is not { } e || args.Context.CancellationToken.IsCancellationRequested)
        {
            return false;
        }

        if (IsOneOf(_consumer.Options.Pausing, e))
        {
            _gate.Pause(PauseReason.Exception, $"The handler threw {Failure.Describe(e)}", _consumer.Options.PauseTime, cause: e);
            return true;
        }

        return e is PausedException || await _fault.IsNobodysAsync(e, args.Context.Properties.GetValue(Began, 0), args.Context.CancellationToken).ConfigureAwait(false);
    }

    /// <summary>Whether a failure is one that costs an attempt, and so tells something about the handler.</summary>
    private async ValueTask<bool> IsChargedAsync(CircuitBreakerPredicateArguments<object> args) =>
        args.Outcome.Exception is { } e and not CommitUnknownException
        && !args.Context.CancellationToken.IsCancellationRequested
        && !IsOneOf(_consumer.Options.Pausing, e)
        && !await _fault.IsNobodysAsync(e, args.Context.Properties.GetValue(Began, 0), args.Context.CancellationToken).ConfigureAwait(false);

    /// <summary>Who is to wait for the end of a pause does that at the gate; <see langword="null"/> is the usual back-off.</summary>
    private TimeSpan? DelayAfter(Exception? e) => e is PausedException ? SwitchedOffDelay : _gate.IsPaused ? TimeSpan.Zero : null;

    private ValueTask OnWaitAsync(OnRetryArguments<object> args)
    {
        // A pause is said once, not by everyone who waits for its end.
        if (!_gate.IsPaused && args.Outcome.Exception is not PausedException)
        {
            RetryingLog.Waiting(_logger, args.Outcome.Exception!, _consumer.Name, args.RetryDelay);
        }

        return default;
    }

    private sealed class HandlerRun<TState, TResult>(Func<TState, CancellationToken, ValueTask<TResult>> handle, TState state)
    {
        public bool HasBegun { get; private set; }

        public ValueTask<TResult> BeginAsync(CancellationToken ct)
        {
            HasBegun = true;
            return handle(state, ct);
        }
    }

    /// <summary>A first attempt that failed before there was anything to repeat it: what repeats begins with its end.</summary>
    private sealed class Tried(Exception failure, long began)
    {
        private readonly ExceptionDispatchInfo _failure = ExceptionDispatchInfo.Capture(failure);

        public bool IsPending { get; private set; } = true;

        public long Began => began;

        public void Throw()
        {
            IsPending = false;
            _failure.Throw();
        }
    }
}
