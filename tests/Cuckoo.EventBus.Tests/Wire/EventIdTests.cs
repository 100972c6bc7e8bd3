using Cuckoo.EventBus.Wire;

namespace Cuckoo.EventBus.Tests.Wire;

public sealed class EventIdTests
{
    [Theory]
    [InlineData("0190c7a0-0000-7000-8000-000000000000")]
    [InlineData("order 17 / ü")]
    public void An_id_that_the_tables_take_is_kept(string id) => Assert.Equal(id, EventId.Storable(id));

    [Theory]
    [InlineData("")]
    [InlineData("nul \0")]
    [InlineData("line\nbreak")]
    public void An_id_that_the_tables_do_not_take_is_hashed(string id) => Assert.StartsWith("sha256:", EventId.Storable(id), StringComparison.Ordinal);

    [Fact]
    public void An_id_with_half_a_surrogate_pair_is_hashed() => Assert.StartsWith("sha256:", EventId.Storable("half \ud800"), StringComparison.Ordinal);

    [Fact]
    public void A_long_id_is_hashed_and_another_one_differently()
    {
        var (first, second) = (EventId.Storable(new string('a', 201)), EventId.Storable(new string('b', 201)));

        Assert.NotEqual(first, second);
        Assert.Equal(EventId.Storable(new string('a', 201)), first);
        Assert.True(EventId.IsStorable(first));
    }

    [Fact]
    public void A_record_without_an_id_is_known_by_its_place_and_contents()
    {
        string Id(long offset = 5, string key = "k", string value = "v", int seconds = 0) =>
            EventId.OfRecord("topic", 1, offset, DateTimeOffset.UnixEpoch.AddSeconds(seconds), System.Text.Encoding.UTF8.GetBytes(key), System.Text.Encoding.UTF8.GetBytes(value));

        Assert.Equal(Id(), Id());
        Assert.StartsWith("topic/1/5/", Id(), StringComparison.Ordinal);
        Assert.Equal(5, new[] { Id(), Id(offset: 6), Id(key: "kv", value: ""), Id(value: "w"), Id(seconds: 1) }.Distinct().Count());
        Assert.True(EventId.IsStorable(EventId.OfRecord(new string('t', 249), 1, 1, DateTimeOffset.UnixEpoch, default, default)));
    }
}
