using System.Collections.Concurrent;
using System.Globalization;
using System.Text;
using System.Text.Json;
using Confluent.Kafka;

namespace Cuckoo.EventBus.Chaos.Consumer;

/// <summary>Sends events over connections that nobody cuts, and some of them more than once.</summary>
internal sealed class Producing : IDisposable
{
    private const int Keys = 120;
    private const double Keyless = 0.1;

    // Repeats of an event: right behind it, a while later, or under another key, where another lane meets them.
    private const double RepeatedAtOnce = 0.05;
    private const double RepeatedLater = 0.03;
    private const double RepeatedElsewhere = 0.02;
    private const int Remembered = 200;

    private const int LeastPerTick = 2;
    private const int MostPerTick = 7;

    /// <summary>With the numbers above some hundred a second: about as many as two busy cores handle between two failures.</summary>
    private static readonly TimeSpan Tick = TimeSpan.FromMilliseconds(50);

    /// <summary>A broker may be just about to come back.</summary>
    private static readonly TimeSpan FlushLimit = TimeSpan.FromMinutes(1);

    private readonly IProducer<byte[]?, byte[]> _producer;
    private readonly string _topic;
    private readonly Random _random;
    private readonly ConcurrentQueue<Guid> _acknowledged = new();
    private readonly Dictionary<string, long> _numbers = [];
    private readonly Queue<(Guid Id, string? Key, byte[] Value)> _recent = new();
    private Error? _failed;

    public Producing(string brokers, string topic, int seed)
    {
        _topic = topic;
        _random = new Random(seed);
        _producer = new ProducerBuilder<byte[]?, byte[]>(new ProducerConfig
        {
            BootstrapServers = brokers,
            Acks = Acks.All,
            EnableIdempotence = true,
            EnableGaplessGuarantee = true,
            MaxInFlight = 1,
            MessageTimeoutMs = 0,
            LingerMs = 5,
            Partitioner = Confluent.Kafka.Partitioner.Murmur2Random,
            ReconnectBackoffMaxMs = 1000,
        }).SetLogHandler(static (_, _) => { }).Build();
    }

    /// <summary>The ids of what Kafka says it has, repeats included.</summary>
    public IReadOnlyCollection<Guid> Acknowledged => _acknowledged;

    /// <summary>Set while there is enough to do.</summary>
    public bool IsHeld { get; set; }

    /// <summary>Sends until it is told to stop, and returns when everything sent is acknowledged.</summary>
    public async Task RunAsync(CancellationToken ct)
    {
        while (!ct.IsCancellationRequested)
        {
            for (var left = IsHeld ? 0 : _random.Next(LeastPerTick, MostPerTick + 1); left > 0; left--)
            {
                SendOne();
            }

            await Task.Delay(Tick, ct).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }

        var open = await Task.Run(() => _producer.Flush(FlushLimit), CancellationToken.None);
        if (open > 0 || _failed is not null)
        {
            throw new ChaosException($"The harness could not send: {open} records are not acknowledged. {_failed?.Reason}");
        }
    }

    public void Dispose() => _producer.Dispose();

    private void SendOne()
    {
        // Everything is drawn each time, so that the sequence is the same whatever was held.
        var key = _random.Chance(Keyless) ? null : AnyKey();
        var id = new byte[16];
        _random.NextBytes(id);
        var padding = new string('x', _random.Chance(0.02) ? _random.Next(20_000) : _random.Next(300));
        var number = _numbers[key ?? ""] = _numbers.GetValueOrDefault(key ?? "") + 1;
        var sent = (Id: new Guid(id), Key: key, Value: JsonSerializer.SerializeToUtf8Bytes(new { number, padding }));
        Send(sent);
        if (_random.Chance(RepeatedAtOnce))
        {
            Send(sent);
        }

        _recent.Enqueue(sent);
        if (_recent.Count > Remembered)
        {
            _recent.Dequeue();
        }

        var recent = _recent.ElementAt(_random.Next(_recent.Count));
        var elsewhere = _random.Chance(Keyless) ? null : AnyKey();
        switch (_random.NextDouble())
        {
            case < RepeatedLater:
                Send(recent);
                break;
            case < RepeatedLater + RepeatedElsewhere:
                Send(recent with { Key = elsewhere });
                break;
        }
    }

    private void Send((Guid Id, string? Key, byte[] Value) sent)
    {
        var message = new Message<byte[]?, byte[]>
        {
            Key = sent.Key is null ? null : Encoding.UTF8.GetBytes(sent.Key),
            Value = sent.Value,
            Headers = new Headers
            {
                { "ce_specversion", "1.0"u8.ToArray() },
                { "ce_id", Encoding.UTF8.GetBytes(sent.Id.ToString()) },
                { "ce_source", "harness"u8.ToArray() },
                { "ce_type", Encoding.UTF8.GetBytes(Moved.Name) },
            },
        };
        _producer.Produce(_topic, message, report =>
        {
            if (report.Error.IsError)
            {
                _failed = report.Error;
            }
            else
            {
                _acknowledged.Enqueue(sent.Id);
            }
        });
    }

    /// <summary>Some keys come often.</summary>
    private string AnyKey() => string.Create(CultureInfo.InvariantCulture, $"k{(int)(Keys * Math.Pow(_random.NextDouble(), 1.5)):000}");
}
