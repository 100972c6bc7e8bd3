using Cuckoo.EventBus.Tests.Sample;

namespace Cuckoo.EventBus.Tests.Wire;

public sealed class DomainEventTests
{
    private static readonly DateTimeOffset Noon = new(2026, 1, 1, 12, 0, 0, TimeSpan.Zero);

    [Fact]
    public void An_event_has_an_identity_of_version_7_from_its_making()
    {
        var (first, second) = (new OrderPlaced("a", 1), new OrderPlaced("a", 1));

        Assert.Equal((7, 7), (first.EventId.Version, second.EventId.Version));
        Assert.NotEqual(first.EventId, second.EventId);
    }

    [Fact]
    public void A_copy_made_by_with_is_another_event()
    {
        var original = new OrderPlaced("a", 1);
        var copy = original with { Number = 2 };

        Assert.NotEqual(original.EventId, copy.EventId);
        Assert.Equal(7, copy.EventId.Version);
    }

    [Fact]
    public void A_copy_made_by_with_may_be_given_an_identity()
    {
        var id = Guid.NewGuid();

        Assert.Equal(id, (new OrderPlaced("a", 1) with { EventId = id }).EventId);
    }

    [Fact]
    public void A_time_stamped_by_the_publisher_is_not_copied()
    {
        var original = new OrderPlaced("a", 1);
        original.StampOccurredAt(Noon);
        var copy = original with { Number = 2 };
        copy.StampOccurredAt(Noon.AddHours(1));

        Assert.Equal((Noon, Noon.AddHours(1)), (original.OccurredAt, copy.OccurredAt));
    }

    [Fact]
    public void A_time_set_by_the_application_is_kept_and_copied()
    {
        var original = new OrderPlaced("a", 1) { OccurredAt = Noon };
        original.StampOccurredAt(Noon.AddHours(1));
        var copy = original with { Number = 2 };
        copy.StampOccurredAt(Noon.AddHours(2));

        Assert.Equal((Noon, Noon), (original.OccurredAt, copy.OccurredAt));
    }

    [Fact]
    public void An_arrived_event_has_the_identity_of_its_envelope_and_the_time_of_its_record()
    {
        var id = Guid.NewGuid();
        var arrived = new OrderPlaced("a", 1);
        arrived.Arrived("shop", id.ToString(), Noon);

        Assert.Equal((id, Noon), (arrived.EventId, arrived.OccurredAt));
    }

    [Fact]
    public void A_foreign_identity_becomes_the_same_UUID_of_version_8_each_time()
    {
        OrderPlaced Arrive(string source, string id)
        {
            var arrived = new OrderPlaced("a", 1);
            arrived.Arrived(source, id, Noon);
            return arrived;
        }

        Assert.Equal(8, Arrive("shop", "order-17").EventId.Version);
        Assert.Equal(Arrive("shop", "order-17").EventId, Arrive("shop", "order-17").EventId);
        Assert.NotEqual(Arrive("shop", "order-17").EventId, Arrive("mill", "order-17").EventId);
    }
}
