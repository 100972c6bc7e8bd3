namespace Cuckoo.EventBus.Benchmarks.Harness;

/// <summary>One thing that is measured; its lines may be several.</summary>
internal interface IMeasure
{
    string Name { get; }

    string Description { get; }

    Task<IReadOnlyList<Line>> RunAsync(Bench bench);
}
