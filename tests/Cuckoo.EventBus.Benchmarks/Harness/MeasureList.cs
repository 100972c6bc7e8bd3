using Cuckoo.EventBus.Benchmarks.Measures;

namespace Cuckoo.EventBus.Benchmarks.Harness;

/// <summary>All measures, in the order in which they run.</summary>
internal static class MeasureList
{
    public static IReadOnlyList<IMeasure> All { get; } =
    [
        new RelayDrain(),
        new RelayDrainSnapshot(),
        new RelayFlat(),
        new RelayLatency(),
        new RelayLatencySnapshot(),
        new OutboxWrite(),
        new OutboxStatements(),
        new RelayInstances(),
        new RelayMemory(),
        new DirectPublish(),
        new ConsumeRaw(),
        new ConsumeInbox(),
        new ConsumeBatch(),
        new ConsumeKeys(),
        new ConsumeLatency(),
        new ConsumeMemory(),
        new ConsumeParked(),
        new Measures.Chain(),
        new Measures.Telemetry(),
    ];
}
