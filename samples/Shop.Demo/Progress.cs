using Shop.Orders;

namespace Shop.Demo;

/// <summary>Where the orders stand.</summary>
internal sealed record Progress(IReadOnlyDictionary<OrderStatus, int> Orders)
{
    public int Completed => Orders.GetValueOrDefault(OrderStatus.Completed);

    public int Cancelled => Orders.GetValueOrDefault(OrderStatus.Cancelled);

    public int Open => Orders.GetValueOrDefault(OrderStatus.Placed) + Orders.GetValueOrDefault(OrderStatus.Paid);

    public string Line(TimeSpan elapsed, int placed, Run run) =>
        $"{elapsed.TotalSeconds,5:N0} s  placed {placed,6}/{run.Orders}  completed {Completed,6}  cancelled {Cancelled,6}  open {Open,6}";
}
