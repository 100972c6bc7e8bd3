using System.Collections.Concurrent;
using System.Diagnostics;
using System.Runtime.InteropServices;

namespace Cuckoo.EventBus.Benchmarks.Handlers;

/// <summary>
/// Waits for about as long as it says. <see cref="Task.Delay(TimeSpan)"/> goes by a clock with steps of 4 ms on Linux: a
/// handler of a millisecond would take four, and ask a quarter of the bus. A thread sleeps until the next one is due instead;
/// all wait equally long, so they are due in the order they came.
/// </summary>
internal sealed class ExactDelay : IDisposable
{
    private readonly BlockingCollection<(long Due, TaskCompletionSource Done)> _waiting = [];
    private readonly TimeSpan _length;

    public ExactDelay(TimeSpan length)
    {
        _length = length;
        new Thread(Run) { IsBackground = true, Name = "exact delay" }.Start();
    }

    public Task WaitAsync()
    {
        var done = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        _waiting.Add((Stopwatch.GetTimestamp() + (long)(_length.TotalSeconds * Stopwatch.Frequency), done));
        return done.Task;
    }

    public void Dispose() => _waiting.CompleteAdding();

    private void Run()
    {
        foreach (var (due, done) in _waiting.GetConsumingEnumerable())
        {
            var left = due - Stopwatch.GetTimestamp();
            if (left > 0)
            {
                _ = Sleep((uint)(left * 1_000_000 / Stopwatch.Frequency));
            }

            done.SetResult();
        }
    }

    [DllImport("libc", EntryPoint = "usleep")]
    [DefaultDllImportSearchPaths(DllImportSearchPath.System32)]
    private static extern int Sleep(uint microseconds);
}
