using System.Reflection;
using System.Text.Json;
using System.Text.Json.Serialization.Metadata;

namespace Cuckoo.EventBus.Wire;

/// <summary>The bus's JSON: what is required must be there, what may not be null is not, and the envelope stays outside.</summary>
internal sealed class JsonEventSerializer(JsonSerializerOptions options) : IEventBytesSerializer
{
    private readonly JsonSerializerOptions _options = new(options)
    {
        TypeInfoResolver = (options.TypeInfoResolver ?? new DefaultJsonTypeInfoResolver()).WithAddedModifier(LeaveOutEnvelope),
    };

    public static JsonEventSerializer For(EventNaming naming) => new(new JsonSerializerOptions(JsonSerializerDefaults.Web)
    {
        PropertyNamingPolicy = naming == EventNaming.SnakeCase ? JsonNamingPolicy.SnakeCaseLower : JsonNamingPolicy.CamelCase,
        RespectNullableAnnotations = true,
        RespectRequiredConstructorParameters = true,
    });

    public byte[] Serialize(object @event, string topic) => JsonSerializer.SerializeToUtf8Bytes(@event, @event.GetType(), _options);

    public object Deserialize(ReadOnlySpan<byte> value, Type type, string topic) =>
        JsonSerializer.Deserialize(value, type, _options)
        ?? throw new JsonException($"The value is the JSON literal null, not a {type.Name}.");

    // By attribute it would come back with every override that does not repeat the attribute.
    private static void LeaveOutEnvelope(JsonTypeInfo type)
    {
        if (!type.Type.IsAssignableTo(typeof(DomainEvent)))
        {
            return;
        }

        for (var i = type.Properties.Count - 1; i >= 0; i--)
        {
            if (type.Properties[i].AttributeProvider is PropertyInfo { Name: nameof(DomainEvent.EventId) or nameof(DomainEvent.PartitionKey) })
            {
                type.Properties.RemoveAt(i);
            }
        }
    }
}
