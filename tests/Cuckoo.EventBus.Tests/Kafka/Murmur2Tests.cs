using System.Text;
using Cuckoo.EventBus.Kafka;

namespace Cuckoo.EventBus.Tests.Kafka;

/// <summary>The values of Kafka's own tests of its murmur2.</summary>
public sealed class Murmur2Tests
{
    [Theory]
    [InlineData("21", -973932308)]
    [InlineData("foobar", -790332482)]
    [InlineData("a-little-bit-long-string", -985981536)]
    [InlineData("a-little-bit-longer-string", -1486304829)]
    [InlineData("lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8", -58897971)]
    [InlineData("abc", 479470107)]
    public void A_key_goes_to_the_partition_that_Java_sends_it_to(string key, int hash)
    {
        foreach (var partitions in new[] { 1, 2, 3, 7, 12, 100, 1009, int.MaxValue })
        {
            Assert.Equal((hash & 0x7fffffff) % partitions, Murmur2.Partition(Encoding.UTF8.GetBytes(key), partitions));
        }
    }
}
