namespace Cuckoo.EventBus.Testing;

/// <summary>Time as librdkafka takes it: whole milliseconds in an <c>int</c>.</summary>
internal static class Milliseconds
{
    internal static int Of(TimeSpan time, int least, string name)
    {
        var milliseconds = time.TotalMilliseconds;
        if (milliseconds < least || milliseconds > int.MaxValue)
        {
            throw new ArgumentOutOfRangeException(
                name, time, $"{name} is {time}. Set it to at least {least} ms and at most {int.MaxValue} ms (about 24 days).");
        }

        return (int)milliseconds;
    }
}
