using System.Data.Common;
using System.Text;

namespace Cuckoo.EventBus.Storage;

/// <summary>The conditions of a filter for the end of a command's WHERE, and their parameters: those that are set.</summary>
internal sealed class FilterSql(DbCommand command, SqlDialect dialect)
{
    private readonly StringBuilder _sql = new();

    /// <param name="value">What the filter says; <see langword="null"/> for nothing.</param>
    /// <param name="name">The parameter.</param>
    /// <param name="condition">The condition on it.</param>
    public FilterSql Add(object? value, string name, string condition)
    {
        if (value is not null)
        {
            _sql.Append(" AND ").Append(condition);
            command.AddParameter(name, value);
        }

        return this;
    }

    public FilterSql AddIds(IReadOnlyCollection<long>? ids) => Add(ids is null ? null : dialect.Ids(ids), "ids", dialect.IsOneOf("id", "@ids"));

    public FilterSql AddKey(string? key) => Add(key is null ? null : Encoding.UTF8.GetBytes(key), "key", "key = @key");

    public FilterSql AddConsumer(string? group, string? consumer) =>
        Add(group, "group", "consumer_group = @group").Add(consumer, "consumer", "consumer = @consumer");

    /// <summary>What every table of records and events has.</summary>
    public FilterSql AddEvent(string? topic, string? eventType, string? eventId) =>
        Add(topic, "topic", "topic = @topic").Add(eventType, "type", "type = @type").Add(eventId, "event", "event_id = @event");

    public FilterSql AddCreated(DateTimeOffset? from, DateTimeOffset? before) =>
        Add(from?.UtcDateTime, "from", "created_at >= @from").Add(before?.UtcDateTime, "before", "created_at < @before");

    public override string ToString() => _sql.ToString();
}
