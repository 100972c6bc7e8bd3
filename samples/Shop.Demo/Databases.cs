using System.Net.Sockets;
using System.Security.Cryptography;
using Microsoft.Data.Sqlite;
using Microsoft.EntityFrameworkCore;
using Npgsql;
using Shop.Inventory;
using Shop.Notifications;
using Shop.Orders;
using Shop.Payments;
using Shop.ServiceDefaults;

namespace Shop.Demo;

/// <summary>One database per service, and one for the demo itself.</summary>
internal sealed class Databases : IDisposable
{
    private const int DefaultOrders = 200;

    // PostgreSQL takes 100 connections unless told otherwise; four services share them.
    private const int PoolSize = 20;

    private readonly NpgsqlConnectionStringBuilder? _server;
    private readonly string _folder = "";
    private readonly bool _deleteFolder;

    public Databases(DemoOptions options)
    {
        if (options.Postgres is { } postgres)
        {
            try
            {
                _server = new NpgsqlConnectionStringBuilder(postgres) { MaxPoolSize = PoolSize };
            }
            catch (ArgumentException e)
            {
                throw new DemoException($"--postgres is no connection string ({e.Message}). Give it the form \"Host=localhost;Username=postgres;Password=…\".");
            }
        }
        else
        {
            _deleteFolder = options.Data is null;
            _folder = options.Data is { } data ? Directory.CreateDirectory(data).FullName : Directory.CreateTempSubdirectory("shop-demo-").FullName;
        }
    }

    public string Description => _server is null ? $"SQLite in {_folder}" : $"PostgreSQL at {_server.Host}:{_server.Port}, databases shop_demo_*";

    public string ConnectionString(string service) => _server is null
        ? $"Data Source={Path.Combine(_folder, $"{service}.db")}"
        : new NpgsqlConnectionStringBuilder(_server.ConnectionString) { Database = $"shop_demo_{service}" }.ConnectionString;

    /// <summary>Makes room for a new run, or finds the one to go on with.</summary>
    public async Task<Run> OpenAsync(DemoOptions options, CancellationToken ct)
    {
        try
        {
            return options.Resume ? await FindRunAsync(options, ct) : await NewRunAsync(options, ct);
        }
        catch (Exception e) when ((e.InnerException ?? e) is NpgsqlException or SqliteException or SocketException)
        {
            throw new DemoException($"{Description} can't be used: {(e.InnerException ?? e).Message}");
        }
    }

    public void Dispose()
    {
        if (_deleteFolder)
        {
            SqliteConnection.ClearAllPools();
            Directory.Delete(_folder, recursive: true);
        }
    }

    private async Task<Run> NewRunAsync(DemoOptions options, CancellationToken ct)
    {
        // The run's own database goes first and comes back last: a run that is found has nothing left of an older one.
        await using var db = new RunDbContext(Options<RunDbContext>("run"));
        await db.Database.EnsureDeletedAsync(ct);
        await DropAsync(new OrdersDbContext(Options<OrdersDbContext>(Flow.Orders)), ct);
        await DropAsync(new PaymentsDbContext(Options<PaymentsDbContext>(Flow.Payments)), ct);
        await DropAsync(new InventoryDbContext(Options<InventoryDbContext>(Flow.Inventory)), ct);
        await DropAsync(new NotificationsDbContext(Options<NotificationsDbContext>(Flow.Notifications)), ct);

        await db.Database.EnsureCreatedAsync(ct);
        var run = new Run { Id = RandomNumberGenerator.GetHexString(6, lowercase: true), Orders = options.Orders ?? DefaultOrders };
        db.Runs.Add(run);
        await db.SaveChangesAsync(ct);
        return run;
    }

    private async Task<Run> FindRunAsync(DemoOptions options, CancellationToken ct)
    {
        await using var db = new RunDbContext(Options<RunDbContext>("run"));
        if (!await db.Database.CanConnectAsync(ct) || await db.Runs.SingleOrDefaultAsync(ct) is not { } run)
        {
            throw new DemoException($"There is no run to resume in {Description}. Leave out --resume to start one.");
        }

        run.Orders = Math.Max(run.Orders, options.Orders ?? 0);
        await db.SaveChangesAsync(ct);
        return run;
    }

    private static async Task DropAsync(DbContext db, CancellationToken ct)
    {
        await using (db)
        {
            await db.Database.EnsureDeletedAsync(ct);
        }
    }

    private DbContextOptions<TContext> Options<TContext>(string service)
        where TContext : DbContext
    {
        var options = new DbContextOptionsBuilder<TContext>();
        options.UseShopDatabase(ConnectionString(service));
        return options.Options;
    }
}
