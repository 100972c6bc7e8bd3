namespace Cuckoo.EventBus.Retrying;

/// <summary>One attempt's slot, from <see cref="ConsumerGate.EnterAsync"/> to its end.</summary>
internal readonly struct GatePass(ConsumerGate gate, bool isTrial) : IDisposable
{
    public void Dispose() => gate.Leave(isTrial);
}
