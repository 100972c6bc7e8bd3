using System.Diagnostics.Metrics;
using System.Runtime.CompilerServices;
using System.Text.RegularExpressions;
using Cuckoo.EventBus.Consuming;
using Cuckoo.EventBus.Tests.Structure;

namespace Cuckoo.EventBus.Tests.Telemetry;

/// <summary>The metrics are those of the page that promises them: dashboards and alerts stand on their names.</summary>
public sealed partial class MetricContractTests
{
    [Fact]
    public void The_instruments_are_those_of_the_page()
    {
        var promised = File.ReadLines(Path.Combine(Sources.Root, "src/Cuckoo.EventBus/Telemetry/README.md"))
            .Select(line => Row().Match(line))
            .Where(row => row.Success)
            .Select(row => $"{row.Groups["name"]} {row.Groups["kind"]} {row.Groups["unit"]}")
            .Order(StringComparer.Ordinal);

        Assert.Equal(promised, Instruments().Select(instrument => $"{instrument.Name} {KindOf(instrument)} {instrument.Unit}").Order(StringComparer.Ordinal));
    }

    [Fact]
    public void Each_says_in_a_sentence_what_it_is() =>
        Assert.All(Instruments(), instrument => Assert.EndsWith(".", instrument.Description, StringComparison.Ordinal));

    private static List<Instrument> Instruments()
    {
        // All of a class are made when the first is touched.
        RuntimeHelpers.RunClassConstructor(typeof(EventBus.Telemetry.BusMetrics).TypeHandle);
        RuntimeHelpers.RunClassConstructor(typeof(EventBus.Telemetry.DatabaseGauges).TypeHandle);
        RuntimeHelpers.RunClassConstructor(typeof(EventBus.Kafka.ClientStatistics).TypeHandle);
        RuntimeHelpers.RunClassConstructor(typeof(ConsumerGauges).TypeHandle);
        var found = new List<Instrument>();
        using var listener = new MeterListener
        {
            InstrumentPublished = (instrument, _) =>
            {
                if (instrument.Meter.Name == "Cuckoo.EventBus")
                {
                    found.Add(instrument);
                }
            },
        };
        listener.Start();
        return found;
    }

    private static string KindOf(Instrument instrument) => instrument.GetType().Name.Split('`')[0] switch
    {
        "Counter" => "counter",
        "UpDownCounter" => "up-down counter",
        "Histogram" => "histogram",
        "Gauge" or "ObservableGauge" => "gauge",
        var other => other,
    };

    [GeneratedRegex(@"^\| `(?<name>[a-z_.]+)` \| (?<kind>[a-z -]+) \| `(?<unit>[^`]+)` \|")]
    private static partial Regex Row();
}
