using Cuckoo.EventBus.Benchmarks.Sample;
using Cuckoo.EventBus.Benchmarks.Sample.Chain;

namespace Cuckoo.EventBus.Benchmarks.Handlers;

/// <summary>The stock's step of the chain.</summary>
internal sealed class ReserveStock(BenchContext db, IEventPublisher events) : IEventConsumer<PaymentTaken>
{
    public Task ConsumeAsync(PaymentTaken @event, EventContext context, CancellationToken ct)
    {
        db.Reservations.Add(new Reservation { OrderId = @event.OrderId });
        return events.PublishAsync(new StockReserved(@event.OrderId), ct);
    }
}
