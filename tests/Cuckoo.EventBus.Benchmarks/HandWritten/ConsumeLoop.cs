using Confluent.Kafka;
using Cuckoo.EventBus.Benchmarks.Sample;
using Cuckoo.EventBus.Benchmarks.Sides;

namespace Cuckoo.EventBus.Benchmarks.HandWritten;

/// <summary>Consume, deserialise, handle, store the offset: on one thread, without anything between.</summary>
internal sealed class ConsumeLoop : ISide
{
    private volatile bool _isStopping;
    private Tally? _tally;
    private Task _loop = Task.CompletedTask;

    public Task StartAsync(SideTarget target)
    {
        _isStopping = false;
        _tally = new Tally(target.Consumption!);
        _loop = Task.Factory.StartNew(() => Run(target), CancellationToken.None, TaskCreationOptions.LongRunning, TaskScheduler.Default);
        return Task.CompletedTask;
    }

    public async Task<SideResult> RunAsync(SideWork work) => await await Task.WhenAny(_tally!.ResultAsync(), FailureAsync());

    public Task StopAsync()
    {
        _isStopping = true;
        return _loop;
    }

    private async Task<SideResult> FailureAsync()
    {
        await _loop;
        throw new InvalidOperationException("The loop ended.");
    }

    private void Run(SideTarget target)
    {
        using var consumer = Consumer.Create(target);
        while (!_isStopping)
        {
            if (consumer.Consume(Consumer.PollTimeout) is { Message: { } message } result)
            {
                if (Consumer.IsKnown(message))
                {
                    _tally!.Add(BenchEvent.FromJson(message.Value));
                }

                consumer.StoreOffset(result);
            }
        }

        consumer.Close();
    }
}
