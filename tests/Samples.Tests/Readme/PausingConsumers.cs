using Cuckoo.EventBus;

namespace Samples.Tests.Readme;

internal static class PausingConsumers
{
    public static async Task PauseAndResumeAsync(IConsumerAdministration consumers)
    {
        foreach (var consumer in consumers.List())
        {
            Console.WriteLine($"{consumer.Name} {consumer.State} {consumer.Reason}: {consumer.Running} running, lag {consumer.Partitions.Sum(p => p.Lag)}");
        }

        consumers.Pause("charge-order", "the payment provider is away");   // attempts stop, offsets and partitions stay
        consumers.Resume("charge-order");
        await consumers.StartGroupAsync("payments", StartFrom.Earliest);   // a group that is held because Kafka forgot its positions
    }
}
