using System.Text.Json;

namespace Cuckoo.EventBus.Benchmarks.Sides;

/// <summary>The program of a measured process: a command per line of its input, an answer per line of its output.</summary>
internal static class SideProgram
{
    public const string Argument = "--side";
    public const string Start = "start";
    public const string Run = "run";
    public const string Stop = "stop";
    public const string Done = "done";
    public const string Failed = "failed";

    public static async Task<int> RunAsync(SideKind kind)
    {
        ISide side = kind switch
        {
            SideKind.Bus => new BusSide(),
            SideKind.DrainLoop => new HandWritten.DrainLoop(),
            SideKind.CommitLoop => new HandWritten.CommitLoop(),
            SideKind.Inserts => new HandWritten.Inserts(),
            SideKind.DirectPublisher => new DirectPublisherSide(),
            SideKind.RawProducer => new HandWritten.RawProducer(),
            SideKind.BusConsumer => new BusConsumerSide(),
            SideKind.ConsumeLoop => new HandWritten.ConsumeLoop(),
            SideKind.InboxLoop => new HandWritten.InboxLoop(),
            SideKind.BatchLoop => new HandWritten.BatchLoop(),
            SideKind.PublishCalls or SideKind.ConsumeCalls or SideKind.ConsumeCallsTraced => new InstrumentationCalls(kind),
            SideKind.ChainOrders or SideKind.ChainPayments or SideKind.ChainStock => new ChainSide(kind),
            _ => throw new ArgumentOutOfRangeException(nameof(kind)),
        };

        await foreach (var line in CommandsAsync())
        {
            string answer;
            try
            {
                var result = await HandleAsync(side, line.Split(' ', 2));
                answer = $"{Done} {JsonSerializer.Serialize(result)}";
            }
            catch (Exception e)
            {
                answer = $"{Failed} {JsonSerializer.Serialize(e.ToString())}";
            }

            await Console.Out.WriteLineAsync(answer);
        }

        return 0;
    }

    private static async Task<SideResult> HandleAsync(ISide side, string[] command)
    {
        switch (command)
        {
            case [Start, var target]:
                await side.StartAsync(JsonSerializer.Deserialize<SideTarget>(target)!);
                return SideResult.None;
            case [Run, var work]:
                return await side.RunAsync(JsonSerializer.Deserialize<SideWork>(work)!);
            case [Stop, _]:
                await side.StopAsync();
                return SideResult.None;
            default:
                throw new InvalidOperationException($"Unknown command {command[0]}.");
        }
    }

    /// <summary>The harness's commands. When the harness is gone, so is this process, whatever it is about.</summary>
    private static IAsyncEnumerable<string> CommandsAsync()
    {
        var commands = System.Threading.Channels.Channel.CreateUnbounded<string>();
        var reader = new Thread(() =>
        {
            while (Console.In.ReadLine() is { } line)
            {
                commands.Writer.TryWrite(line);
            }

            Environment.Exit(0);
        })
        { IsBackground = true };
        reader.Start();
        return commands.Reader.ReadAllAsync();
    }
}
