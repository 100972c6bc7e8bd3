using Npgsql;

namespace Cuckoo.EventBus.Benchmarks.HandWritten;

/// <summary>A command that inserts the business rows of many events.</summary>
internal static class OrderRows
{
    private const string Sql = """
        INSERT INTO orders ("Id", "Customer", "Total", "PlacedAt") SELECT id, customer, $3, $4 FROM unnest($1, $2) AS e (id, customer)
        """;

    public static NpgsqlCommand Insert(NpgsqlConnection connection, string[] customers)
    {
        var ids = new Guid[customers.Length];
        for (var i = 0; i < ids.Length; i++)
        {
            ids[i] = Guid.CreateVersion7();
        }

        return new NpgsqlCommand(Sql, connection)
        {
            Parameters =
            {
                new NpgsqlParameter<Guid[]> { TypedValue = ids },
                new NpgsqlParameter<string[]> { TypedValue = customers },
                new NpgsqlParameter<decimal> { TypedValue = 12.5m },
                new NpgsqlParameter<DateTime> { TypedValue = DateTime.UtcNow },
            },
        };
    }
}
