using Microsoft.Extensions.Logging;

namespace Cuckoo.EventBus.Kafka;

/// <summary>Log events 100–199.</summary>
internal static partial class KafkaLog
{
    [LoggerMessage(EventId = 100, Message = "librdkafka {Client} {Facility}: {Message}")]
    public static partial void Client(ILogger logger, LogLevel level, string client, string facility, string message);

    [LoggerMessage(101, LogLevel.Warning, "Kafka client error {Code}: {Reason}. The client goes on trying.")]
    public static partial void ClientError(ILogger logger, string code, string reason);

    [LoggerMessage(102, LogLevel.Error, "The token for SASL OAUTHBEARER could not be fetched; it is asked for again.")]
    public static partial void TokenFailed(ILogger logger, Exception exception);

    [LoggerMessage(103, LogLevel.Error, "The producer became unusable ({Code}: {Reason}); another one takes its place.")]
    public static partial void ProducerFatal(ILogger logger, string code, string reason);

    [LoggerMessage(104, LogLevel.Information, "Created topic {Topic} with {Partitions} partitions.")]
    public static partial void TopicCreated(ILogger logger, string topic, int partitions);

    [LoggerMessage(105, LogLevel.Warning, "No broker of {BootstrapServers} answers ({Reason}). The bus goes on trying; events stay in the outbox meanwhile.")]
    public static partial void BrokerAway(ILogger logger, string bootstrapServers, string reason);

    [LoggerMessage(106, LogLevel.Critical, "{Message}")]
    public static partial void TopicsMissing(ILogger logger, string message);

    [LoggerMessage(107, LogLevel.Information, "A record was refused, so nothing behind it was acknowledged ({Reason}); another producer takes over.")]
    public static partial void RecordRefused(ILogger logger, string reason);

    [LoggerMessage(109, LogLevel.Debug, "Position {Offset} of {Partition} was not stored: {Reason}.")]
    public static partial void OffsetNotStored(ILogger logger, PartitionId partition, long offset, string reason);

    [LoggerMessage(110, LogLevel.Warning, "Topic {Topic} was deleted and created again: group {Group} reads the new one from its beginning. What it has read of it already comes again, as repeats.")]
    public static partial void TopicMadeAnew(ILogger logger, string topic, string group);

    [LoggerMessage(111, LogLevel.Debug, "The ids of the topics of group {Group} could not be read; they are asked for again.")]
    public static partial void TopicIdsUnknown(ILogger logger, Exception? exception, string group);

    [LoggerMessage(112, LogLevel.Warning, "The beginning of {Partitions} could not be committed ({Reason}); if this process is killed before its next commit, the next one may begin at a position of the topic's former self.")]
    public static partial void BeginningNotCommitted(ILogger logger, string partitions, string reason);

    [LoggerMessage(108, LogLevel.Warning, "The consumer did not leave its group cleanly ({Code}: {Reason}); records since its last commit come again.")]
    public static partial void CloseFailed(ILogger logger, string code, string reason);
}
