namespace Samples.Tests.Readme;

public sealed class Order
{
    public Guid Id { get; set; }

    public decimal Total { get; set; }
}
