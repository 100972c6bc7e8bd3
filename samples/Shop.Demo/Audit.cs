using Shop.Inventory;
using Shop.Orders;
using Shop.Payments;

namespace Shop.Demo;

/// <summary>Compares the books of the four services, which know nothing of each other but by events.</summary>
internal static class Audit
{
    /// <summary>What is off, one sentence each; nothing if the books balance.</summary>
    public static IEnumerable<string> Check(Books books, Run run) =>
    [
        .. CheckOrders(books, run),
        .. CheckStock(books),
        .. CheckNotifications(books),
        .. CheckEvents(books),
    ];

    private static IEnumerable<string> CheckOrders(Books books, Run run)
    {
        if (books.Orders.Count != run.Orders)
        {
            yield return $"{run.Orders} orders were placed, {books.Orders.Count} are on record.";
        }

        foreach (var order in books.Orders)
        {
            var payment = books.Payments.GetValueOrDefault(order.Id);
            var reservation = books.Reservations.GetValueOrDefault(order.Id);
            decimal[] moved = [.. books.Ledger[order.Id].Select(entry => entry.Amount)];
            decimal[] due = payment?.State switch
            {
                PaymentState.Charged => [order.Amount],
                PaymentState.Refunded => [order.Amount, -order.Amount],
                _ => [],
            };
            var fits = (order.Status, order.Reason, payment?.State, reservation?.State) switch
            {
                (OrderStatus.Completed, null, PaymentState.Charged, ReservationState.Deducted) => true,
                (OrderStatus.Cancelled, "payment declined", PaymentState.Declined, ReservationState.Void) => true,
                (OrderStatus.Cancelled, "out of stock", PaymentState.Refunded, ReservationState.OutOfStock) => true,
                (OrderStatus.Cancelled, "cancelled by the customer", PaymentState.Refunded, ReservationState.Released or ReservationState.OutOfStock or ReservationState.Void) => true,
                (OrderStatus.Cancelled, "cancelled by the customer", PaymentState.Declined, ReservationState.Void) => true,
                _ => false,
            };
            if (!fits || !moved.SequenceEqual(due) || (reservation is { State: ReservationState.Deducted } && (reservation.Sku, reservation.Quantity) != (order.Sku, order.Quantity)))
            {
                yield return $"Order {order.Id} ({order.Quantity} × {order.Sku}, {order.Amount:N2}) is {order.Status} ({order.Reason ?? "no reason"}); " +
                    $"its payment is {payment?.State.ToString() ?? "missing"} with [{string.Join(", ", moved.Select(amount => $"{amount:N2}"))}] in the ledger, its goods are {reservation?.State.ToString() ?? "missing"}.";
            }

            if (order.Status == OrderStatus.Completed && (payment?.TraceId != order.TraceId || reservation?.TraceId != order.TraceId))
            {
                yield return $"Order {order.Id} has trace {order.TraceId}, its payment {payment?.TraceId}, its reservation {reservation?.TraceId}.";
            }
        }

        var taken = books.Ledger.SelectMany(entries => entries).Sum(entry => entry.Amount);
        var sold = books.Orders.Where(order => order.Status == OrderStatus.Completed).Sum(order => order.Amount);
        if (taken != sold)
        {
            yield return $"Payments has taken {taken:N2}; the completed orders come to {sold:N2}.";
        }
    }

    private static IEnumerable<string> CheckStock(Books books)
    {
        foreach (var product in books.Products)
        {
            var sold = books.Orders.Where(order => order.Status == OrderStatus.Completed && order.Sku == product.Sku).Sum(order => order.Quantity);
            if (product.Stock < 0 || product.Received - product.Stock != sold)
            {
                yield return $"Of {product.Received} × {product.Sku} there are {product.Stock} left, and completed orders took {sold}.";
            }
        }
    }

    private static IEnumerable<string> CheckNotifications(Books books)
    {
        var undeliverable = books.DeadLetters[Flow.Notifications].Count;
        var refused = books.Orders.Count(order => order.Email.EndsWith("@refused.example", StringComparison.Ordinal));
        if (undeliverable != refused || books.DeadLetters.Values.Sum(letters => letters.Count) != refused)
        {
            var letters = books.DeadLetters.SelectMany(service => service.Value.Select(letter => $"{service.Key}: {letter.Type}, {letter.Message}"));
            yield return $"{refused} notification(s) had to end as dead letters. The dead letters are: {string.Join("; ", letters)}.";
        }

        foreach (var order in books.Orders.Where(order => !order.Email.EndsWith("@refused.example", StringComparison.Ordinal)))
        {
            var told = books.Notifications[order.Id].Count(n => n.EventType is "order.completed" or "order.cancelled");
            if (told != 1)
            {
                yield return $"The customer of order {order.Id} was told {told} times that it is {order.Status}.";
            }
        }

        var sent = books.Notifications.SelectMany(notifications => notifications).Select(n => n.EventId.ToString()).ToHashSet();
        if (!sent.SetEquals(books.Mails.Select(mail => mail.IdempotencyKey)))
        {
            yield return $"Notifications has {sent.Count} mails on record, the gateway has sent {books.Mails.Count}.";
        }
    }

    private static IEnumerable<string> CheckEvents(Books books)
    {
        foreach (var service in Flow.Services)
        {
            // The embedded broker forgets the oldest records of a very long run, so there may be more than are left to count.
            var settled = books.Applied[service] + books.DeadLetters[service].Count;
            if (settled < books.Topics.MeantFor(service))
            {
                yield return $"There are {books.Topics.MeantFor(service)} events for {service} in the topics; it has settled {settled}.";
            }
        }
    }
}
