using Cuckoo.EventBus.Telemetry;
using Microsoft.Extensions.Logging;

namespace Cuckoo.EventBus.Retrying;

/// <summary>
/// The gate of each consumer of this process, by its name. They are there as long as the service, so that a pause is kept when
/// the host stops and starts again. Safe for concurrent use.
/// </summary>
internal sealed class ConsumerGates(BusSettings settings, TimeProvider time, BusLoggers loggers)
{
    private readonly Dictionary<string, (ConsumerGate Gate, KillSwitch Switch)> _gates = settings.Consumers.DistinctBy(consumer => consumer.Name).ToDictionary(
        consumer => consumer.Name,
        consumer =>
        {
            var gate = new ConsumerGate(consumer.Name, Math.Max(1, consumer.Options.Concurrency), time, loggers.CreateLogger<ConsumerGate>());
            return (gate, new KillSwitch(consumer.Options.KillSwitch, gate));
        },
        StringComparer.Ordinal);

    public ConsumerGate this[string consumer] => _gates[consumer].Gate;

    public bool Contains(string consumer) => _gates.ContainsKey(consumer);

    public KillSwitch SwitchOf(string consumer) => _gates[consumer].Switch;
}
