namespace Cuckoo.EventBus.TestKit;

/// <summary>A broker of a test's own, which it may take away and bring back, at the same address and with its records.</summary>
public abstract class InterruptibleBroker : KafkaBroker
{
    /// <summary>The best one that this machine has. It runs when this returns.</summary>
    public static async Task<InterruptibleBroker> StartNewAsync() =>
        KafkaProcess.Home is { } home ? await KafkaProcess.StartNewAsync(home) : new EmbeddedBroker();

    /// <summary>Takes it away.</summary>
    public abstract Task StopAsync();

    /// <summary>Brings it back, and waits until it answers. Does nothing if it runs.</summary>
    public abstract Task StartAsync();
}
