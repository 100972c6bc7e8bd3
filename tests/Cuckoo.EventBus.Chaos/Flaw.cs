namespace Cuckoo.EventBus.Chaos;

/// <summary>Something wrong that is planted in the workers, to see that a run shows it.</summary>
/// <param name="Name">On the command line.</param>
/// <param name="Kills">How many kills it takes to show itself.</param>
internal sealed record Flaw(string Name, int Kills);
