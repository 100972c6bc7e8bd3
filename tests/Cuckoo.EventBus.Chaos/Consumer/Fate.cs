using System.Buffers.Binary;
using System.Security.Cryptography;
using System.Text;

namespace Cuckoo.EventBus.Chaos.Consumer;

/// <summary>What an event meets at a consumer: follows from the two alone, so that every worker at every attempt says the same.</summary>
/// <param name="Failures">At how many attempts, from the first on, the handler throws.</param>
/// <param name="Kind">What it throws.</param>
/// <param name="IsLate">Whether it throws after its effect is written, rather than before.</param>
/// <param name="Duration">How long the handler takes.</param>
internal sealed record Fate(int Failures, FailureKind Kind, bool IsLate, TimeSpan Duration)
{
    /// <summary>Attempts in the lane.</summary>
    public const int Attempts = 2;

    /// <summary>Attempts when parked.</summary>
    public const int ParkedAttempts = 2;

    private const int Always = int.MaxValue;

    private static readonly TimeSpan LongestDuration = TimeSpan.FromMilliseconds(15);
    private static readonly TimeSpan LongestLongDuration = TimeSpan.FromSeconds(2);

    /// <summary>Whether it has to be parked to have its effect, or before it dies.</summary>
    public bool Parks => (Kind == FailureKind.Park && Failures > 0) || (Kind == FailureKind.Fail && Failures >= Attempts);

    /// <summary>Whether it has a reason to die, at least where nothing is parked.</summary>
    public bool MayDie => Failures >= Attempts || (Kind == FailureKind.Reject && Failures > 0);

    public static Fate Of(Guid id, string consumer)
    {
        var draw = SHA256.HashData([.. id.ToByteArray(), .. Encoding.UTF8.GetBytes(consumer)]);
        // Parking one of twenty events or so: each holds its key for seconds, and the most frequent key has four events a second.
        var (failures, kind) = (draw[0] * 100 / 256) switch
        {
            < 87 => (0, FailureKind.Fail),
            < 92 => (1, FailureKind.Fail),
            < 93 => (Attempts, FailureKind.Fail),
            < 94 => (Attempts + 1, FailureKind.Fail),
            < 95 => (Always, FailureKind.Fail),
            < 97 => (1, FailureKind.Park),
            < 98 => (2, FailureKind.Park),
            _ => (Always, FailureKind.Reject),
        };
        var share = BinaryPrimitives.ReadUInt16LittleEndian(draw.AsSpan(2)) / 65536.0;
        return new Fate(failures, kind, IsLate: draw[1] % 2 == 0, (draw[4] == 0 ? LongestLongDuration : LongestDuration) * share);
    }
}
