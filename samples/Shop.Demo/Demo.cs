using System.Diagnostics;
using Confluent.Kafka;
using Microsoft.EntityFrameworkCore;
using Shop.Orders;

namespace Shop.Demo;

/// <summary>One run, from the first order to the last check.</summary>
internal sealed class Demo(ShopHosts shop, Topics topics, Customers customers, Repeater repeater, Run run, bool resumed)
{
    private static readonly TimeSpan LookEvery = TimeSpan.FromMilliseconds(200);
    private static readonly TimeSpan ReportEvery = TimeSpan.FromSeconds(1);

    private readonly Stopwatch _elapsed = Stopwatch.StartNew();

    /// <returns>The exit code: 0, or 1 if the books don't balance.</returns>
    /// <exception cref="DemoException">It can't start, or time is up.</exception>
    /// <exception cref="OperationCanceledException">It was interrupted.</exception>
    public static async Task<int> RunAsync(DemoOptions options, CancellationToken interrupted)
    {
        using var counters = new BusCounters();
        using var databases = new Databases(options);
        using var broker = new Broker(options);
        broker.CheckThatItAnswers();
        var run = await databases.OpenAsync(options, interrupted);
        broker.CreateTopics(run);
        Console.WriteLine($"{(options.Resume ? "Resuming" : "Starting")} run {run.Id}: {run.Orders} orders on {broker.Description}, {databases.Description}.");

        var log = new RecentLog(options.Verbose);
        var limit = options.TimeLimit ?? TimeSpan.FromSeconds(120 + (run.Orders / 10));
        using var timeIsUp = new CancellationTokenSource(limit);
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(timeIsUp.Token, interrupted);
        await using var shop = new ShopHosts();
        using var topics = new Topics(broker, run);
        var started = false;
        try
        {
            await shop.StartAsync(broker, databases, run, log, stop.Token);
            started = true;
            using var customers = new Customers(shop.OrdersAddress, run);
            var repeater = new Repeater(topics, broker);
            var demo = new Demo(shop, topics, customers, repeater, run, options.Resume);
            await demo.UntilAtRestAsync(stop.Token);
            return await demo.JudgeAsync(counters, log);
        }
        catch (HttpRequestException e)
        {
            throw new DemoException($"a customer got no good answer: {e.Message} What the services said last:{LastWords(log)}");
        }
        catch (OperationCanceledException) when (timeIsUp.IsCancellationRequested && !interrupted.IsCancellationRequested)
        {
            // Before they have started, there may be no tables to ask.
            var where = started ? await WhereItStandsAsync(shop, topics) : "The services have not all started. What they said last:";
            throw new DemoException($"the shop did not come to rest within {limit.TotalSeconds:N0} s (see --timeout). {where}{LastWords(log)}");
        }
    }

    private static string LastWords(RecentLog log) => string.Concat(log.Lines.Select(line => $"{Environment.NewLine}  {line}"));

    private static async Task<string> WhereItStandsAsync(ShopHosts shop, Topics topics)
    {
        var progress = await ProgressAsync(shop);
        var outboxes = await shop.QueryEachAsync(db => db.OutboxRowsAsync());
        var services = Flow.Services.Select(service => $"{service} has {outboxes[service]} events to send and {Lag(service)} records to handle");
        return $"{progress.Open} orders are open; {string.Join("; ", services)}. What the services said last:";

        string Lag(string service)
        {
            try
            {
                return $"{topics.Lag(service)}";
            }
            catch (KafkaException)
            {
                return "(Kafka does not answer) some";
            }
        }
    }

    private static async Task<Progress> ProgressAsync(ShopHosts shop) => new(
        await shop.QueryAsync<OrdersDbContext, Dictionary<OrderStatus, int>>(
            Flow.Orders, db => db.Orders.GroupBy(o => o.Status).Select(g => new { g.Key, Count = g.Count() }).ToDictionaryAsync(g => g.Key, g => g.Count)));

    /// <summary>Until every order is placed and final, and no event is on its way.</summary>
    private async Task UntilAtRestAsync(CancellationToken ct)
    {
        using var enough = CancellationTokenSource.CreateLinkedTokenSource(ct);
        var repeating = repeater.RunAsync(enough.Token);
        var placing = customers.PlaceAllAsync(ct);
        try
        {
            using var look = new PeriodicTimer(LookEvery);
            var reported = TimeSpan.Zero;
            do
            {
                var progress = await ProgressAsync(shop);
                var rests = placing.IsCompletedSuccessfully && progress.Open == 0;
                if (rests)
                {
                    await enough.CancelAsync();
                    await repeating;
                    rests = await IsAtRestAsync();
                }

                if (rests || _elapsed.Elapsed - reported >= ReportEvery)
                {
                    reported = _elapsed.Elapsed;
                    Console.WriteLine(progress.Line(reported, customers.Placed, run));
                }

                if (rests)
                {
                    return;
                }

                if (placing.IsFaulted || repeating.IsFaulted)
                {
                    await Task.WhenAll(placing, repeating);
                }
            }
            while (await look.WaitForNextTickAsync(ct));
        }
        finally
        {
            await enough.CancelAsync();
            await repeating.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            await placing.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
    }

    /// <summary>
    /// Every record is handled, so whatever follows from it was in an outbox before; every outbox is empty; and no record has
    /// come meanwhile.
    /// </summary>
    private async Task<bool> IsAtRestAsync()
    {
        try
        {
            var before = Ends();
            if (Flow.Services.Any(service => topics.Lag(service) > 0))
            {
                return false;
            }

            var outboxes = await shop.QueryEachAsync(db => db.OutboxRowsAsync());
            return outboxes.Values.All(rows => rows == 0) && before.SequenceEqual(Ends());
        }
        catch (KafkaException)
        {
            return false; // Kafka is away; it may come back before time is up.
        }

        List<long> Ends() => [.. topics.Partitions(Flow.Topics).Select(partition => topics.Ends(partition).High.Value)];
    }

    private async Task<int> JudgeAsync(BusCounters counters, RecentLog log)
    {
        var took = _elapsed.Elapsed;
        var books = await Books.ReadAsync(shop, topics, run);
        Summary.Print(books, repeater, counters, took, resumed);

        List<string> off = [.. Audit.Check(books, run)];
        if (counters.Duplicates < repeater.ExpectedDrops)
        {
            off.Add($"{repeater.ExpectedDrops} repeats had to be dropped; {counters.Duplicates} were.");
        }

        if (off.Count == 0)
        {
            Console.WriteLine("The books balance: every order is final, money and stock add up, every effect happened once.");
            return 0;
        }

        Console.Error.WriteLine($"FAILED: the books don't balance.{string.Concat(off.Take(20).Select(line => $"{Environment.NewLine}  {line}"))}");
        Console.Error.WriteLine($"What the services said last:{LastWords(log)}");
        return 1;
    }
}
