using System.Collections.Concurrent;
using System.Text;
using Cuckoo.EventBus.Consuming;

namespace Cuckoo.EventBus.Tests.Consuming.Units;

public sealed class LanesTests
{
    [Fact]
    public async Task Records_of_one_key_run_one_after_the_other_in_their_order()
    {
        var seen = new ConcurrentDictionary<string, List<int>>();
        var running = new ConcurrentDictionary<string, int>();
        var overlaps = 0;
        var left = 2000;
        var lanes = new Lanes<(string Key, int Number)>(async item =>
        {
            overlaps += running.AddOrUpdate(item.Key, 1, static (_, n) => n + 1) > 1 ? 1 : 0;
            await Task.Yield();
            seen.GetOrAdd(item.Key, static _ => []).Add(item.Number);
            running.AddOrUpdate(item.Key, 0, static (_, n) => n - 1);
            Interlocked.Decrement(ref left);
        });

        for (var i = 0; i < 2000; i++)
        {
            var key = $"key {i % 20}";
            lanes.Add("orders", 0, Encoding.UTF8.GetBytes(key), (key, i));
        }

        await Eventually.Equal(0, () => Volatile.Read(ref left));
        Assert.Equal(0, overlaps);
        Assert.All(seen.Values, numbers => Assert.Equal(numbers.Order(), numbers));
    }

    [Fact]
    public async Task A_key_that_waits_holds_no_other_and_keyless_records_hold_none()
    {
        var open = new TaskCompletionSource();
        var done = new ConcurrentQueue<string>();
        var lanes = new Lanes<string>(async item =>
        {
            if (item == "waits")
            {
                await open.Task;
            }

            done.Enqueue(item);
        });

        lanes.Add("orders", 0, "a"u8.ToArray(), "waits");
        lanes.Add("orders", 0, "a"u8.ToArray(), "behind it");
        lanes.Add("orders", 0, "b"u8.ToArray(), "other key");
        lanes.Add("orders", 0, null, "keyless");
        lanes.Add("orders", 0, null, "keyless too");

        await Eventually.Equal(3, () => done.Count);
        Assert.DoesNotContain("behind it", done);

        open.SetResult();
        await Eventually.Equal(5, () => done.Count);
        Assert.Equal(["waits", "behind it"], done.TakeLast(2));
    }
}
