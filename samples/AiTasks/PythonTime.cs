using System.Text.Json;
using System.Text.Json.Serialization;

namespace AiTasks;

/// <summary>
/// Times as Python writes them: <c>time.time()</c>, seconds since 1970 with a fraction, or <c>datetime.isoformat()</c>. Written
/// as the former.
/// </summary>
internal sealed class PythonTime : JsonConverter<DateTimeOffset>
{
    public override DateTimeOffset Read(ref Utf8JsonReader reader, Type typeToConvert, JsonSerializerOptions options) =>
        reader.TokenType == JsonTokenType.Number
            ? DateTimeOffset.UnixEpoch.AddSeconds(reader.GetDouble())
            : reader.GetDateTimeOffset();

    public override void Write(Utf8JsonWriter writer, DateTimeOffset value, JsonSerializerOptions options) =>
        writer.WriteNumberValue((value - DateTimeOffset.UnixEpoch).TotalSeconds);
}
