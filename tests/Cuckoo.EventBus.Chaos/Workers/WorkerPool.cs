namespace Cuckoo.EventBus.Chaos.Workers;

/// <summary>Keeps a number of workers alive: each slot's next one starts as soon as the one before has ended.</summary>
/// <param name="slots">How many live at a time.</param>
/// <param name="start">Starts the n-th life in a slot.</param>
/// <param name="journal">Told of each life.</param>
internal sealed class WorkerPool(int slots, Func<int, int, Task<WorkerProcess>> start, Journal journal) : IAsyncDisposable
{
    /// <summary>So that one that can't live does not take the processor from the others.</summary>
    private static readonly TimeSpan PauseAfterOwnEnd = TimeSpan.FromSeconds(1);

    private readonly WorkerProcess?[] _workers = new WorkerProcess?[slots];
    private readonly CancellationTokenSource _stop = new();
    private readonly Task[] _keeping = [.. Enumerable.Repeat(Task.CompletedTask, slots)];

    public int Slots => slots;

    public IEnumerable<WorkerProcess> Alive => _workers.OfType<WorkerProcess>().Where(w => !w.HasEnded);

    public void Start()
    {
        for (var slot = 0; slot < slots; slot++)
        {
            _keeping[slot] = KeepAsync(slot);
        }
    }

    /// <summary>The worker in a slot; waits for the next one if there is none just now.</summary>
    public async Task<WorkerProcess> InSlotAsync(int slot, CancellationToken ct)
    {
        while (true)
        {
            if (_keeping[slot].IsFaulted)
            {
                await _keeping[slot];
            }

            if (_workers[slot] is { HasEnded: false, IsMeantToEnd: false } worker)
            {
                return worker;
            }

            await Task.Delay(TimeSpan.FromMilliseconds(20), ct);
        }
    }

    /// <summary>Lets all end in order and starts no more.</summary>
    public async Task TerminateAsync()
    {
        await _stop.CancelAsync();
        await Task.WhenAll(Alive.Select(worker => worker.TerminateAsync()));
        await Task.WhenAll(_keeping);
        foreach (var worker in _workers.OfType<WorkerProcess>().Where(w => w.ExitCode != 0))
        {
            journal.Warn($"worker {worker.Name} ended with {worker.ExitCode} when told to stop:\n{worker.LogTail()}");
        }
    }

    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync();
        await Task.WhenAll(_keeping).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        foreach (var worker in _workers.OfType<WorkerProcess>())
        {
            await worker.DisposeAsync();
        }

        _stop.Dispose();
    }

    private async Task KeepAsync(int slot)
    {
        for (var life = 1; !_stop.IsCancellationRequested; life++)
        {
            var worker = await start(slot, life);
            journal.Add($"worker {worker.Name} starts");
            var before = _workers[slot];
            _workers[slot] = worker;
            if (before is not null)
            {
                await before.DisposeAsync();
            }

            try
            {
                await worker.WaitForEndAsync(_stop.Token);
                if (!worker.IsMeantToEnd)
                {
                    journal.Warn($"worker {worker.Name} ended by itself, with {worker.ExitCode}:\n{worker.LogTail()}");
                    await Task.Delay(PauseAfterOwnEnd, _stop.Token);
                }
            }
            catch (OperationCanceledException)
            {
                return;
            }
        }
    }
}
