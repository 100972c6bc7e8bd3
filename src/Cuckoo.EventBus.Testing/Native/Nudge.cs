using System.Net;
using System.Net.Sockets;

namespace Cuckoo.EventBus.Testing.Native;

/// <summary>
/// Keeps a command to the mock cluster from being overlooked while it is awaited.
/// </summary>
/// <remarks>
/// The cluster's thread serves its commands first and empties its wake-up pipe afterwards, so that a command sent between
/// the two waits until the thread next looks up: after 1 s when no client is talking. Of commands in close succession that
/// was every fifth. A connection makes it look up.
/// </remarks>
internal sealed class Nudge : IDisposable
{
    // Commands take less than a millisecond when they are not overlooked.
    private static readonly TimeSpan Patience = TimeSpan.FromMilliseconds(5);

    private readonly IPEndPoint[] _brokers;
    private readonly ITimer _timer;

    public Nudge(string bootstrapServers)
    {
        _brokers = [.. bootstrapServers.Split(',').Select(IPEndPoint.Parse)];
        _timer = TimeProvider.System.CreateTimer(_ => Connect(), null, Patience, Timeout.InfiniteTimeSpan);
    }

    public void Dispose() => _timer.Dispose();

    private void Connect()
    {
        foreach (var broker in _brokers)
        {
            try
            {
                using var socket = new Socket(SocketType.Stream, ProtocolType.Tcp);
                socket.Connect(broker);
                return;
            }
            catch (SocketException)
            {
                // This broker is down; another may not be. With all of them down the command takes its second.
            }
        }
    }
}
