using System.Text;

namespace Cuckoo.EventBus;

/// <summary>One <c>AddConsumer</c>, before options are known.</summary>
internal sealed record ConsumerRegistration(string Name, Type ConsumerType, Action<ConsumerOptions>? Configure)
{
    /// <summary>The event types whose <see cref="IEventConsumer{TEvent}"/> the class implements.</summary>
    public IReadOnlyList<Type> EventTypes { get; } = Events(ConsumerType, typeof(IEventConsumer<>));

    /// <summary>The event types whose <see cref="IEventBatchConsumer{TEvent}"/> the class implements.</summary>
    public IReadOnlyList<Type> BatchEventTypes { get; } = Events(ConsumerType, typeof(IEventBatchConsumer<>));

    /// <summary><c>MarkOrderPaid</c> → <c>mark-order-paid</c>, <c>HTTPSender</c> → <c>http-sender</c>.</summary>
    public static string DefaultName(Type type)
    {
        var name = type.Name.Split('`')[0];
        var kebab = new StringBuilder(name.Length + 8);
        for (var i = 0; i < name.Length; i++)
        {
            var startsWord = char.IsUpper(name[i]) && i > 0
                && (!char.IsUpper(name[i - 1]) || (i + 1 < name.Length && char.IsLower(name[i + 1])));
            if (startsWord)
            {
                kebab.Append('-');
            }

            kebab.Append(char.ToLowerInvariant(name[i]));
        }

        return kebab.ToString();
    }

    private static IReadOnlyList<Type> Events(Type consumerType, Type consumerInterface) =>
        [.. consumerType.GetInterfaces().Where(i => i.IsGenericType && i.GetGenericTypeDefinition() == consumerInterface).Select(i => i.GenericTypeArguments[0])];
}
