using System.Globalization;
using Shop.Orders;

namespace Shop.Demo;

/// <summary>What is said at the end.</summary>
internal static class Summary
{
    public static void Print(Books books, Repeater repeater, BusCounters counters, TimeSpan took, bool resumed)
    {
        // What is counted in this process knows nothing of the one that was killed.
        var since = resumed ? " since it was resumed" : "";
        var completed = books.Orders.Where(order => order.Status == OrderStatus.Completed).ToList();
        var cancelled = books.Orders.Where(order => order.Status == OrderStatus.Cancelled).ToList();
        var reasons = cancelled.GroupBy(order => order.Reason).OrderByDescending(g => g.Count()).Select(g => $"{g.Count()} {g.Key}");

        Console.WriteLine();
        Line("orders", $"{books.Orders.Count} placed, {completed.Count} completed, {cancelled.Count} cancelled ({string.Join(", ", reasons)})");
        Line("latency", $"placed to final: p50 {Latency(books, 0.50)}, p99 {Latency(books, 0.99)}; it took {took.TotalSeconds:N1} s{since}");
        Line("money", $"{books.Ledger.SelectMany(entries => entries).Count(entry => entry.Amount > 0)} charges, {books.Ledger.SelectMany(entries => entries).Count(entry => entry.Amount < 0)} refunds, {books.Ledger.SelectMany(entries => entries).Sum(entry => entry.Amount):N2} in the till");
        Line("stock", string.Join(", ", books.Products.OrderBy(p => p.Sku, StringComparer.Ordinal).Select(p => $"{p.Sku} {p.Received} → {p.Stock}")));
        Line("mails", $"{books.Mails.Count} sent");
        Console.WriteLine();
        Line("events", $"{"published",21}{"applied",12}{"dead letters",16}");
        foreach (var service in Flow.Services)
        {
            Line("", $"{service,-13}{books.Topics.PublishedBy(service),8}{books.Applied[service],12}{books.DeadLetters[service].Count,16}");
        }

        Line("repeats", $"{repeater.Sent} records sent twice on purpose, {counters.Duplicates} times a service dropped one ({repeater.ExpectedDrops} had to be){since}");
        Line("retries", $"{counters.Retries}{since}");
        if (books.DeadLetters.SelectMany(service => service.Value.Select(letter => (service.Key, letter))).FirstOrDefault() is (var owner, { } dead))
        {
            Line("dead letter", $"{dead.Type} at {owner}/{dead.Consumer}, attempt {dead.Attempts}: {dead.Message} ({dead.ExceptionType})");
        }

        PrintTrace(books, completed);
    }

    private static void PrintTrace(Books books, List<Order> completed)
    {
        if (completed.Find(order => books.Notifications[order.Id].Any(n => n.EventType == "order.completed")) is not { } order)
        {
            return;
        }

        Console.WriteLine();
        Line("one trace", $"of order {order.Id}");
        Line("", $"{Flow.Orders,-15}{order.TraceId}");
        Line("", $"{Flow.Payments,-15}{books.Payments.GetValueOrDefault(order.Id)?.TraceId ?? "-"}");
        Line("", $"{Flow.Inventory,-15}{books.Reservations.GetValueOrDefault(order.Id)?.TraceId ?? "-"}");
        Line("", $"{Flow.Notifications,-15}{books.Notifications[order.Id].First(n => n.EventType == "order.completed").TraceId}");
        Console.WriteLine();
    }

    private static string Latency(Books books, double quantile)
    {
        var sorted = books.Orders.Where(order => order.DecidedAt is not null).Select(order => order.DecidedAt!.Value - order.PlacedAt).Order().ToList();
        return sorted.Count == 0 ? "-" : $"{sorted[(int)Math.Ceiling(quantile * sorted.Count) - 1].TotalMilliseconds:N0} ms";
    }

    private static void Line(string name, string text) => Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{name,-13}{text}"));
}
