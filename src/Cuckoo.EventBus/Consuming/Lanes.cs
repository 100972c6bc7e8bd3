using System.Collections.Concurrent;

namespace Cuckoo.EventBus.Consuming;

/// <summary>
/// Which record may run now. Invariant: records of one key are in one lane, and a lane runs one record at a time, in the order
/// added. Lanes run side by side; how many handlers do is their consumers' concern. Records without a key are spread evenly.
/// </summary>
/// <param name="run">Runs one item to its end; does not throw.</param>
internal sealed class Lanes<T>(Func<T, Task> run) : IThreadPoolWorkItem
{
    /// <summary>Enough that two busy keys seldom meet in one; an idle lane costs a hundred bytes.</summary>
    private const int Count = 1024;

    /// <summary>So many lanes begin in one turn of a pool thread; then what else the pool has to do, handlers' continuations above all, has its own.</summary>
    private const int Turn = 64;

    private readonly Lane[] _lanes = [.. Enumerable.Range(0, Count).Select(_ => new Lane(run))];
    private readonly ConcurrentQueue<Lane> _ready = new();
    private uint _keyless;
    private int _isAsked;

    /// <summary>Adds an item to the lane of its key; items of one key that one thread adds run in its order. Safe for concurrent use.</summary>
    public void Add(string topic, int partition, byte[]? key, T item)
    {
        AddOneOfMany(topic, partition, key, item);
        Begin();
    }

    /// <summary>The same of an item that others follow at once: it does not wait longer than to the next <see cref="Begin"/>.</summary>
    public void AddOneOfMany(string topic, int partition, byte[]? key, T item)
    {
        var lane = _lanes[key is null ? Interlocked.Increment(ref _keyless) % Count : (uint)HashOf(topic, partition, key) % Count];
        if (lane.Add(item))
        {
            _ready.Enqueue(lane);
        }
    }

    /// <summary>Has the pool begin what is ready. Once for many items: to wake a thread costs more than a short handler.</summary>
    public void Begin()
    {
        if (!_ready.IsEmpty && Interlocked.Exchange(ref _isAsked, 1) == 0)
        {
            ThreadPool.UnsafeQueueUserWorkItem(this, preferLocal: false);
        }
    }

    /// <summary>A pool thread's turn.</summary>
    public void Execute()
    {
        // Before it looks: whatever is added from here on asks again, or is found.
        Interlocked.Exchange(ref _isAsked, 0);
        for (var n = 0; n < Turn && _ready.TryDequeue(out var lane); n++)
        {
            // The rest is for other threads too, since this lane's handler may block or compute for long.
            Begin();
            _ = lane.RunAsync();
        }

        Begin();
    }

    private static int HashOf(string topic, int partition, byte[] key)
    {
        var hash = new HashCode();
        hash.Add(topic);
        hash.Add(partition);
        hash.AddBytes(key);
        return hash.ToHashCode();
    }

    private sealed class Lane(Func<T, Task> run)
    {
        private readonly Lock _lock = new();
        private readonly Queue<T> _waiting = new();
        private bool _isRunning;

        /// <returns>Whether the lane is to be run: it was not yet.</returns>
        public bool Add(T item)
        {
            lock (_lock)
            {
                _waiting.Enqueue(item);
                if (_isRunning)
                {
                    return false;
                }

                return _isRunning = true;
            }
        }

        public async Task RunAsync()
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
