namespace Cuckoo.EventBus.Chaos;

/// <summary>Draws.</summary>
internal static class RandomExtensions
{
    public static TimeSpan Between(this Random random, TimeSpan least, TimeSpan most) => least + ((most - least) * random.NextDouble());

    public static T OneOf<T>(this Random random, IReadOnlyList<T> values) => values[random.Next(values.Count)];

    public static bool Chance(this Random random, double probability) => random.NextDouble() < probability;
}
