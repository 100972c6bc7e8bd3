using Cuckoo.EventBus.Telemetry;

namespace Cuckoo.EventBus.Tests.Consuming.Units;

public sealed class BoundedTagValuesTests
{
    [Fact]
    public void Names_from_outside_make_a_bounded_number_of_time_series()
    {
        var values = new BoundedTagValues();

        var tags = Enumerable.Range(0, 1000).Select(i => values.Bound($"type {i}")).ToHashSet();

        Assert.Equal(101, tags.Count);
        Assert.Equal("type 0", values.Bound("type 0"));
        Assert.Equal("other", values.Bound("type 999"));
        Assert.Equal("other", new BoundedTagValues().Bound(new string('x', 10_000)));
    }
}
