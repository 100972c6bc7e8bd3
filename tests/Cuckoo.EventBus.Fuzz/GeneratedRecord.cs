using Confluent.Kafka;

namespace Cuckoo.EventBus.Fuzz;

internal sealed record GeneratedRecord(string Topic, byte[]? Key, byte[]? Value, Headers Headers);
