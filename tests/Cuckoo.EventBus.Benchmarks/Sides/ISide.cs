namespace Cuckoo.EventBus.Benchmarks.Sides;

/// <summary>One side of a measure, in a process of its own. Started and stopped any number of times, one after the other.</summary>
internal interface ISide
{
    /// <summary>Begins to work at a target; a relay or a loop then drains it.</summary>
    Task StartAsync(SideTarget target);

    /// <summary>Does a piece of work between start and stop.</summary>
    Task<SideResult> RunAsync(SideWork work);

    Task StopAsync();
}
