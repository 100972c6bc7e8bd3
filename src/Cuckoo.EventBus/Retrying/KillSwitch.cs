using Polly;
using Polly.CircuitBreaker;

namespace Cuckoo.EventBus.Retrying;

/// <summary>
/// Pauses a consumer when too large a share of its attempts fails. After the pause one attempt is let through; it decides
/// whether the consumer goes on. Safe for concurrent use.
/// </summary>
internal sealed class KillSwitch(KillSwitchOptions options, ConsumerGate gate)
{
    private readonly CircuitBreakerManualControl _control = new();

    /// <summary>Puts the switch around a handler. It costs nothing where it is off.</summary>
    /// <param name="pipeline">What the handler will run in.</param>
    /// <param name="isFailure">Whether an end counts as a failure of the handler.</param>
    /// <returns>Whether it is on.</returns>
    public bool TryAddTo(ResiliencePipelineBuilder pipeline, Func<CircuitBreakerPredicateArguments<object>, ValueTask<bool>> isFailure)
    {
        if (options.FailureRate <= 0)
        {
            return false;
        }

        pipeline.AddCircuitBreaker(new CircuitBreakerStrategyOptions
        {
            FailureRatio = options.FailureRate,
            SamplingDuration = options.Window,
            MinimumThroughput = options.MinimumAttempts,
            BreakDuration = options.Pause,
            ShouldHandle = isFailure,
            ManualControl = _control,
            OnOpened = args =>
            {
                gate.Pause(
                    PauseReason.KillSwitch,
                    $"{options.FailureRate:P0} or more of its attempts failed, the last one with {(args.Outcome.Exception is { } e ? Failure.Describe(e) : "no exception")}",
                    args.BreakDuration,
                    thenTry: true,
                    args.Outcome.Exception);
                return default;
            },
            OnClosed = _ =>
            {
                gate.Resume(PauseReason.KillSwitch);
                return default;
            },
        });
        return true;
    }

    /// <summary>A person knows that it works again.</summary>
    public Task CloseAsync() => _control.CloseAsync();
}
