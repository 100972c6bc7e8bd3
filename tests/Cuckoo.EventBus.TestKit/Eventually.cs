using System.Diagnostics;
using System.Runtime.CompilerServices;
using Xunit;

namespace Cuckoo.EventBus.TestKit;

/// <summary>Waits for a condition, with a limit. Nothing in the tests sleeps instead.</summary>
public static class Eventually
{
    private static readonly TimeSpan Pause = TimeSpan.FromMilliseconds(20);

    /// <summary>Generous: it costs time only where a test fails, and the machine may be busy.</summary>
    public static TimeSpan Limit { get; } = TimeSpan.FromSeconds(30);

    public static Task True(Func<bool> condition, TimeSpan? limit = null, [CallerArgumentExpression(nameof(condition))] string what = "") =>
        True(() => Task.FromResult(condition()), limit, what);

    public static async Task True(Func<Task<bool>> condition, TimeSpan? limit = null, [CallerArgumentExpression(nameof(condition))] string what = "") =>
        await Until(condition, static holds => holds, limit, what);

    public static Task Equal<T>(T expected, Func<T> actual, TimeSpan? limit = null, [CallerArgumentExpression(nameof(actual))] string what = "") =>
        Equal(expected, () => Task.FromResult(actual()), limit, what);

    public static async Task Equal<T>(
        T expected, Func<Task<T>> actual, TimeSpan? limit = null, [CallerArgumentExpression(nameof(actual))] string what = "", Func<string>? story = null) =>
        await Until(actual, value => EqualityComparer<T>.Default.Equals(value, expected), limit, $"{what} == {expected}", story);

    /// <summary>Asks again until the answer is good, and returns it.</summary>
    /// <param name="ask">Gives an answer.</param>
    /// <param name="isGood">Whether that is the one.</param>
    /// <param name="limit">How long; <see cref="Limit"/> if it is not said.</param>
    /// <param name="what">What is waited for.</param>
    /// <param name="story">What else is to be said where it took too long, such as a log; asked only then.</param>
    public static async Task<T> Until<T>(
        Func<Task<T>> ask, Func<T, bool> isGood, TimeSpan? limit = null, [CallerArgumentExpression(nameof(ask))] string what = "", Func<string>? story = null)
    {
        var ct = TestContext.Current.CancellationToken;
        var clock = Stopwatch.StartNew();
        while (true)
        {
            var answer = await ask();
            if (isGood(answer))
            {
                return answer;
            }

            if (clock.Elapsed > (limit ?? Limit))
            {
                Assert.Fail($"Not within {limit ?? Limit}: {what}. The last answer was: {answer}{(story is null ? "" : $"\n{story()}")}");
            }

            await Task.Delay(Pause, ct);
        }
    }

    /// <summary>Awaits a task, with the limit.</summary>
    public static async Task Ends(Task task, TimeSpan? limit = null, [CallerArgumentExpression(nameof(task))] string what = "")
    {
        try
        {
            await task.WaitAsync(limit ?? Limit, TestContext.Current.CancellationToken);
        }
        catch (TimeoutException) when (!task.IsCompleted)
        {
            Assert.Fail($"Not within {limit ?? Limit}: the end of {what}.");
        }
    }
}
