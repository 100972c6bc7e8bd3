namespace Cuckoo.EventBus.TestKit;

/// <summary>A broker that someone else runs.</summary>
public sealed class ExternalBroker(string bootstrapServers) : KafkaBroker
{
    public override string BootstrapServers => bootstrapServers;

    public override bool IsReal => true;
}
