namespace Cuckoo.EventBus.Chaos.Consumer.Flaws;

/// <summary>
/// Lets the lane go on at once and has the handler run beside it, a little later: those of one key overtake each other, and
/// what fails is forgotten.
/// </summary>
internal static class OutsideLanes
{
    private static readonly TimeSpan LongestDelay = TimeSpan.FromMilliseconds(500);

    public static Task RunAsync(EventContext context, Func<Task> next)
    {
        _ = Task.Run(async () =>
        {
            await Task.Delay(LongestDelay * Random.Shared.NextDouble());
            await next();
        });
        return Task.CompletedTask;
    }
}
