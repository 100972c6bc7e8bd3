namespace Cuckoo.EventBus.Consuming;

/// <summary>The service's <c>OnConsume</c> hooks, the first outermost. Safe for concurrent use.</summary>
internal sealed class ConsumeHooks(IReadOnlyList<Func<EventContext, Func<Task>, Task>> hooks)
{
    public bool IsEmpty => hooks.Count == 0;

    /// <summary>Around one event: what a hook sets as ambient state, the handler sees.</summary>
    public Task AroundAsync(EventContext context, Func<Task> handle)
    {
        var next = handle;
        for (var i = hooks.Count - 1; i >= 0; i--)
        {
            var (hook, inner) = (hooks[i], next);
            next = () => hook(context, inner);
        }

        return next();
    }

    /// <summary>
    /// Around each event of a batch, side by side, while one handler has them all. Each event's hooks are a flow of their own:
    /// what they set as ambient state neither the handler sees nor the hooks of another event, so one event's tenant is never
    /// taken for another's.
    /// </summary>
    /// <param name="events">The batch.</param>
    /// <param name="contextOf">An event's context.</param>
    /// <param name="handle">Gets the events that no hook skipped. Its failure is the batch's, whatever hooks do about it.</param>
    /// <param name="ct">Ends the attempt.</param>
    public async Task AroundEachAsync<T>(IReadOnlyList<T> events, Func<T, EventContext> contextOf, Func<IReadOnlyList<T>, Task> handle, CancellationToken ct)
    {
        if (hooks.Count == 0)
        {
            await handle(events).ConfigureAwait(false);
            return;
        }

        var handled = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        var around = events.Select(e => new OneOfMany(this, contextOf(e), handled.Task)).ToList();
        try
        {
            var passed = await Task.WhenAll(around.Select(one => one.Arrived)).WaitAsync(ct).ConfigureAwait(false);
            await handle([.. events.Where((_, i) => passed[i])]).ConfigureAwait(false);
            handled.SetResult();
        }
        catch (Exception e)
        {
            handled.SetException(e);
            // Nobody need be there to see it.
            _ = handled.Task.Exception;
            await Task.WhenAll(around.Select(one => one.Ended)).WaitAsync(ct).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            throw;
        }

        await Task.WhenAll(around.Select(one => one.Ended)).WaitAsync(ct).ConfigureAwait(false);
    }

    /// <summary>The hooks around one event of a batch.</summary>
    private sealed class OneOfMany
    {
        private readonly TaskCompletionSource<bool> _arrived = new(TaskCreationOptions.RunContinuationsAsynchronously);
        private readonly Task _handled;

        public OneOfMany(ConsumeHooks hooks, EventContext context, Task handled)
        {
            _handled = handled;
            Ended = RunAsync(hooks, context);
        }

        /// <summary>Completes when the last hook has called next, with true, or when one has ended without, with false.</summary>
        public Task<bool> Arrived => _arrived.Task;

        public Task Ended { get; }

        // Its own async method: what it sets as ambient state ends with it.
        private async Task RunAsync(ConsumeHooks hooks, EventContext context)
        {
            try
            {
                await hooks.AroundAsync(context, Next).ConfigureAwait(false);
                _arrived.TrySetResult(false);
            }
            catch (Exception e)
            {
                _arrived.TrySetException(e);
                _ = _arrived.Task.Exception;
                throw;
            }
        }

        private Task Next()
        {
            _arrived.TrySetResult(true);
            return _handled;
        }
    }
}
