using System.Runtime.InteropServices;
using System.Text;
using Microsoft.Extensions.Logging;

namespace Cuckoo.EventBus.Testing.Native;

/// <summary>
/// Owns a mock cluster and the client instance it lives in. They are one handle because librdkafka asserts, and so ends
/// the process, when the instance goes first; finalizers have no order.
/// </summary>
internal sealed unsafe class MockClusterHandle : SafeHandle
{
    private const int Producer = 0;
    private const int ErrorSize = 512;

    private nint _client;
    private GCHandle _log;

    // CA1419 asks for it to be visible; use Start.
    public MockClusterHandle()
        : base(0, ownsHandle: true)
    {
    }

    public override bool IsInvalid => handle == 0;

    public static MockClusterHandle Start(int brokers, ILogger? logger)
    {
        var cluster = new MockClusterHandle();
        try
        {
            cluster.Open(brokers, logger);
            return cluster;
        }
        catch
        {
            cluster.CloseClient();
            cluster.Dispose();
            throw;
        }
    }

    protected override bool ReleaseHandle()
    {
        Librdkafka.MockClusterDestroy(handle);
        CloseClient();
        return true;
    }

    private void Open(int brokers, ILogger? logger)
    {
        var conf = Librdkafka.ConfNew();

        // Without a callback of ours librdkafka writes to stderr.
        Librdkafka.ConfSetLogCallback(conf, &MockClusterLog.Write);
        if (logger is not null)
        {
            _log = GCHandle.Alloc(logger);
            Librdkafka.ConfSetOpaque(conf, GCHandle.ToIntPtr(_log));
            if (logger.IsEnabled(LogLevel.Trace))
            {
                _ = Librdkafka.ConfSet(conf, "debug", "mock", null, 0);
            }
        }

        var error = stackalloc byte[ErrorSize];
        _client = Librdkafka.New(Producer, conf, error, ErrorSize);
        if (_client == 0)
        {
            Librdkafka.ConfDestroy(conf);
            throw new InvalidOperationException($"librdkafka could not be started for EmbeddedKafka: {Text(error)}");
        }

        SetHandle(Librdkafka.MockClusterNew(_client, brokers));
        if (IsInvalid)
        {
            throw new InvalidOperationException(
                $"librdkafka could not start an embedded cluster of {brokers} brokers. Each needs a free TCP port on loopback.");
        }
    }

    private void CloseClient()
    {
        if (_client != 0)
        {
            Librdkafka.Destroy(_client);
            _client = 0;
        }

        if (_log.IsAllocated)
        {
            _log.Free();
        }
    }

    private static string Text(byte* text) => Encoding.UTF8.GetString(MemoryMarshal.CreateReadOnlySpanFromNullTerminated(text));
}
