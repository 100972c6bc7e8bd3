using System.Globalization;
using System.Text.RegularExpressions;
using Cuckoo.EventBus.DeadLetters;
using Cuckoo.EventBus.Kafka;
using Cuckoo.EventBus.Outbox;
using Cuckoo.EventBus.Retrying;
using Cuckoo.EventBus.Telemetry;
using Microsoft.Extensions.Logging;

namespace Cuckoo.EventBus.Tests.Telemetry;

/// <summary>The same line again and again.</summary>
public sealed partial class LogStormTests : IDisposable
{
    private const int StormId = 800;

    private readonly ManualTime _time = new();
    private readonly LogCapture _log = new();
    private readonly ILoggerFactory _host;
    private readonly BusLoggers _loggers;
    private readonly ILogger _logger;

    public LogStormTests()
    {
        _host = LoggerFactory.Create(logging => logging.AddProvider(_log));
        _loggers = new BusLoggers(_host, _time);
        _logger = _loggers.CreateLogger("Cuckoo.EventBus.Sample");
    }

    public void Dispose()
    {
        _loggers.Dispose();
        _host.Dispose();
        _log.Dispose();
    }

    [Fact]
    public void Ten_thousand_records_that_fail_alike_are_ten_lines_and_one_that_counts_the_others()
    {
        for (var i = 0; i < 10_000; i++)
        {
            DeadLetterLog.Dead(_logger, new InvalidOperationException($"no paper in tray {i}"), "ship", 3);
        }

        Assert.Equal(LogStorms.Lines, _log.Entries.Count);
        _time.Advance(LogStorms.Interval);

        var more = _log.Entries.Last();
        Assert.Equal((LogStorms.Lines + 1, StormId, LogLevel.Error), (_log.Entries.Count, more.Id.Id, more.Level));
        Assert.Equal("9990 more like this in 60 s (event id 700): Consumer ship gave up the event after 3 attempt(s); it is a dead letter.", more.Message);
    }

    [Fact]
    public void A_storm_that_goes_on_is_told_of_once_in_an_interval_and_every_line_is_counted()
    {
        for (var second = 0; second < 600; second++)
        {
            for (var i = 0; i < 7; i++)
            {
                OutboxLog.DatabaseTrouble(_logger, new TimeoutException(), "ShopContext");
            }

            _time.Advance(TimeSpan.FromSeconds(1));
        }

        Assert.Equal(4200, Told());
        Assert.InRange(_log.Entries.Count, 10, 10 * (LogStorms.Lines + 1));
    }

    [Fact]
    public void Lines_that_are_few_all_pass_and_nothing_is_said_of_them()
    {
        for (var minute = 0; minute < 3; minute++)
        {
            for (var i = 0; i < LogStorms.Lines; i++)
            {
                RetryingLog.NotStored(_logger, new TimeoutException(), "ship");
            }

            _time.Advance(LogStorms.Interval);
        }

        Assert.Equal(3 * LogStorms.Lines, _log.Entries.Count);
        Assert.DoesNotContain(_log.Entries, e => e.Id.Id == StormId);
    }

    [Fact]
    public void A_storm_hides_no_other_consumer_exception_cause_outcome_or_error()
    {
        for (var i = 0; i < 1000; i++)
        {
            DeadLetterLog.Dead(_logger, new InvalidOperationException(), "ship", 3);
            KafkaLog.ClientError(_logger, "Local_AllBrokersDown", "2/2 brokers are down");
        }

        var before = _log.Entries.Count;
        DeadLetterLog.Dead(_logger, new InvalidOperationException(), "invoice", 3);
        DeadLetterLog.Dead(_logger, new FormatException(), "ship", 3);
        DeadLetterLog.Dead(_logger, new InvalidOperationException("outer", new FormatException()), "ship", 3);
        RetryingLog.Parked(_logger, new InvalidOperationException(), "ship", 3, TimeSpan.Zero);
        KafkaLog.ClientError(_logger, "Local_Authentication", "SASL authentication failed");

        Assert.Equal(before + 5, _log.Entries.Count);
    }

    [Fact]
    public void Lines_of_one_client_after_the_other_are_one_storm()
    {
        for (var i = 0; i < 1000; i++)
        {
            KafkaLog.Client(_logger, LogLevel.Warning, $"shop#consumer-{i}", "FAIL", $"localhost:9092/bootstrap: connection refused (after {i}ms in state CONNECT)");
        }

        Assert.Equal(LogStorms.Lines, _log.Entries.Count);
    }

    [Fact]
    public void However_many_kinds_there_are_a_bounded_number_is_kept_and_every_line_is_counted()
    {
        for (var i = 0; i < 5000; i++)
        {
            RetryingLog.NotStored(_logger, new TimeoutException(), $"consumer-{i}");
        }

        Assert.Equal(1000 + LogStorms.Lines, _log.Entries.Count);
        _time.Advance(LogStorms.Interval);
        Assert.Equal(5000, Told());

        // Their places are free again.
        RetryingLog.NotStored(_logger, new TimeoutException(), "consumer-4999");
        Assert.Contains("consumer-4999", _log.Entries.Last().Message, StringComparison.Ordinal);
    }

    [Fact]
    public void What_was_held_back_is_told_when_the_service_ends()
    {
        for (var i = 0; i < 30; i++)
        {
            OutboxLog.SendFailed(_logger, "ShopContext", "Local: Broker transport failure");
        }

        _loggers.Dispose();

        Assert.Equal(30, Told());
        OutboxLog.SendFailed(_logger, "ShopContext", "Local: Broker transport failure");
        Assert.Equal(31, Told());
    }

    [Fact]
    public void The_line_that_counts_is_of_no_record()
    {
        using (_logger.BeginScope(new Dictionary<string, object?> { ["MessageId"] = "1" }))
        {
            for (var i = 0; i < 100; i++)
            {
                DeadLetterLog.Dead(_logger, new InvalidOperationException(), "ship", 3);
            }
        }

        Assert.NotEmpty(_log.Entries.First().Scope);
        _time.Advance(LogStorms.Interval);
        Assert.Empty(_log.Entries.Last().Scope);
    }

    [Fact]
    public void Lines_of_many_threads_are_all_counted()
    {
        Parallel.For(0, 100_000, i =>
        {
            DeadLetterLog.Dead(_logger, new InvalidOperationException(), i % 2 == 0 ? "ship" : "invoice", 3);
            if (i % 1000 == 0)
            {
                _time.Advance(TimeSpan.FromSeconds(7));
            }
        });
        _loggers.Dispose();

        Assert.Equal(100_000, Told());
    }

    /// <summary>Of how many lines the log knows.</summary>
    private int Told() => _log.Entries.Sum(entry => entry.Id.Id == StormId ? int.Parse(Number.Match(entry.Message).Value, CultureInfo.InvariantCulture) : 1);

    [GeneratedRegex(@"^\d+")]
    private static partial Regex Number { get; }
}
