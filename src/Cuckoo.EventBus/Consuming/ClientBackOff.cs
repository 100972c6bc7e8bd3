using Cuckoo.EventBus.Kafka;

namespace Cuckoo.EventBus.Consuming;

/// <summary>How long to wait before a client that became useless gets a successor. Not for concurrent use.</summary>
internal sealed class ClientBackOff
{
    private static readonly TimeSpan First = TimeSpan.FromSeconds(1);

    private static readonly TimeSpan Longest = TimeSpan.FromSeconds(30);

    /// <summary>A session ends within 45 s, by the broker's default, and then the id should not be unused for long.</summary>
    private static readonly TimeSpan LongestUnreleased = TimeSpan.FromSeconds(5);

    /// <summary>What a person has to change is not changed sooner by asking more often.</summary>
    private static readonly TimeSpan Refused = Longest;

    private TimeSpan _next = First;

    /// <param name="kind">What it died of.</param>
    /// <param name="lived">How long it lived: a long life ends a row of failures.</param>
    public TimeSpan Next(ClientFailure kind, TimeSpan lived)
    {
        if (kind is ClientFailure.Refused)
        {
            return Refused;
        }

        var longest = kind is ClientFailure.Unreleased ? LongestUnreleased : Longest;
        var delay = lived > Longest * 2 ? First : _next < longest ? _next : longest;
        _next = delay * 2 < Longest ? delay * 2 : Longest;
        return delay;
    }
}
