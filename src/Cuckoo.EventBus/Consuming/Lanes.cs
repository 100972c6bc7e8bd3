namespace Cuckoo.EventBus.Consuming;

/// <summary>
/// Which record may run now. Invariant: records of one key are in one lane, and a lane runs one record at a time, in the order
/// added. Lanes run side by side; how many handlers do is their consumers' concern. Records without a key are spread evenly.
/// </summary>
/// <param name="run">Runs one item to its end; does not throw.</param>
internal sealed class Lanes<T>(Func<T, Task> run)
{
    /// <summary>Enough that two busy keys seldom meet in one; an idle lane costs a hundred bytes.</summary>
    private const int Count = 1024;

    private readonly Lane[] _lanes = [.. Enumerable.Range(0, Count).Select(_ => new Lane(run))];
    private uint _keyless;

    /// <summary>Adds an item to the lane of its key; items of one key that one thread adds run in its order. Safe for concurrent use.</summary>
    public void Add(string topic, int partition, byte[]? key, T item)
    {
        if (key is null)
        {
            _lanes[Interlocked.Increment(ref _keyless) % Count].Add(item);
            return;
        }

        var hash = new HashCode();
        hash.Add(topic);
        hash.Add(partition);
        hash.AddBytes(key);
        _lanes[(uint)hash.ToHashCode() % Count].Add(item);
    }

    private sealed class Lane(Func<T, Task> run) : IThreadPoolWorkItem
    {
        private readonly Lock _lock = new();
        private readonly Queue<T> _waiting = new();
        private bool _isRunning;

        public void Add(T item)
        {
            lock (_lock)
            {
                _waiting.Enqueue(item);
                if (_isRunning)
                {
                    return;
                }

                _isRunning = true;
            }

            ThreadPool.UnsafeQueueUserWorkItem(this, preferLocal: false);
        }

        public void Execute() => _ = RunAsync();

        private async Task RunAsync()
        {
            while (true)
            {
                T next;
                lock (_lock)
                {
                    if (!_waiting.TryDequeue(out next!))
                    {
                        _isRunning = false;
                        return;
                    }
                }

                await run(next).ConfigureAwait(false);
            }
        }
    }
}
