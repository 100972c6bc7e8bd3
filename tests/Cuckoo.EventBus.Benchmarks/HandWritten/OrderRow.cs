using Npgsql;

namespace Cuckoo.EventBus.Benchmarks.HandWritten;

/// <summary>The parameters of a command that inserts the business row.</summary>
internal sealed class OrderRow
{
    private const string Sql = "INSERT INTO orders (\"Id\", \"Customer\", \"Total\", \"PlacedAt\") VALUES ($1, $2, $3, $4)";

    private readonly NpgsqlParameter<Guid> _id = new();
    private readonly NpgsqlParameter<string> _customer = new() { TypedValue = "" };
    private readonly NpgsqlParameter<decimal> _total = new() { TypedValue = 12.5m };
    private readonly NpgsqlParameter<DateTime> _placedAt = new() { TypedValue = DateTime.UtcNow };

    public static NpgsqlCommand Insert(NpgsqlConnection connection, out OrderRow row)
    {
        row = new OrderRow();
        return new NpgsqlCommand(Sql, connection) { Parameters = { row._id, row._customer, row._total, row._placedAt } };
    }

    public void Set(string customer)
    {
        _id.TypedValue = Guid.CreateVersion7();
        _customer.TypedValue = customer;
        _placedAt.TypedValue = DateTime.UtcNow;
    }
}
