using System.Collections.Concurrent;
using System.Data.Common;
using System.Net;
using System.Net.Sockets;
using Cuckoo.EventBus.Tests.Sample;
using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.DependencyInjection;
using Npgsql;

namespace Cuckoo.EventBus.Tests.Outbox;

/// <summary>The relay keeps nothing in a session of the database's, so it works behind a pooler that changes it with every transaction.</summary>
public sealed class Transaction_pooler_on_PostgreSQL(KafkaFixture kafka, PostgresFixture databases)
{
    [Fact]
    public async Task Two_instances_behind_a_transaction_pooler_relay_everything_in_order()
    {
        const int Changes = 40;
        string[] keys = ["a", "b", "c", "d"];
        await using var scene = await OutboxScene.OpenAsync(kafka, databases);
        await using var pooler = await PgBouncer.StartAsync(scene.Database, sessions: 3);
        var shops = new[] { await StartAsync(scene, pooler), await StartAsync(scene, pooler) };
        try
        {
            await shops[0].InScopeAsync(async scope =>
            {
                var db = scope.GetRequiredService<ShopContext>();
                db.Orders.AddRange(keys.Select(key => new Order { Id = key }));
                await db.SaveChangesAsync();
            });

            await Task.WhenAll(Enumerable.Range(0, 4).Select(writer => Task.Run(async () =>
            {
                for (var i = 0; i < Changes; i++)
                {
                    await ChangeAsync(shops[writer % 2], keys[(writer + i) % keys.Length]);
                }
            })));

            foreach (var key in keys)
            {
                await scene.EventuallySentAsync(key, Enumerable.Range(1, Changes));
            }

            await scene.EventuallyEmptyAsync();
            Assert.DoesNotContain(shops.SelectMany(s => s.Log.Entries), e => e.Exception is not null);
        }
        finally
        {
            foreach (var shop in shops)
            {
                await shop.StopAsync();
            }
        }
    }

    [Fact]
    public async Task Statements_are_prepared_where_the_session_is_the_servers_own_but_not_behind_a_pooler()
    {
        await using var scene = await OutboxScene.OpenAsync(kafka, databases);
        await using var pooler = await PgBouncer.StartAsync(scene.Database, sessions: 3);
        Assert.NotEqual(0, await PreparedAsync(scene.Database.ConnectionString));
        Assert.Equal(0, await PreparedAsync(pooler.ConnectionString));

        async Task<long> PreparedAsync(string connectionString)
        {
            await using var shop = Build(scene, connectionString);
            await using var hand = await RelayHand.OpenAsync(shop, lane: 0, owner: "a");
            Assert.Empty(await hand.ReadAsync() ?? throw new InvalidOperationException("The lane is another's."));
            Assert.True(await hand.ReleaseAsync());
            await using var count = hand.Session.Command("SELECT count(*) FROM pg_prepared_statements");
            return (long)(await count.ExecuteScalarAsync())!;
        }
    }

    [Fact]
    public async Task What_a_transaction_writes_is_prepared_on_the_users_connection_but_not_behind_a_pooler()
    {
        await using var scene = await OutboxScene.OpenAsync(kafka, databases);
        await using var pooler = await PgBouncer.StartAsync(scene.Database, sessions: 3);
        await using var direct = Build(scene, scene.Database.ConnectionString);
        await using var pooled = Build(scene, pooler.ConnectionString);

        Assert.Equal(1, await PublishAsync(direct));
        Assert.Equal(0, await PublishAsync(pooled));
    }

    [Fact]
    public async Task A_pooler_that_comes_between_is_noticed_before_anything_is_prepared_there()
    {
        await using var scene = await OutboxScene.OpenAsync(kafka, databases);
        await using var pooler = await PgBouncer.StartAsync(scene.Database, sessions: 3);
        await using var address = new MovableAddress(scene.Database.ConnectionString);
        await using var shop = Build(scene, address.ConnectionString);
        Assert.Equal(1, await PublishAsync(shop));

        address.MoveTo(pooler.ConnectionString);
        // The pool learns by failures which of its connections are cut.
        await Eventually.True(async () =>
        {
            try
            {
                return await PublishAsync(shop) == 0;
            }
            catch (NpgsqlException e) when (e is not PostgresException)
            {
                return false;
            }
        });
        var prepared = await Task.WhenAll(Enumerable.Range(0, 30).Select(_ => Task.Run(() => PublishAsync(shop))));
        Assert.All(prepared, count => Assert.Equal(0, count));
    }

    [Fact]
    public async Task Where_Npgsql_multiplexes_nothing_is_prepared()
    {
        await using var scene = await OutboxScene.OpenAsync(kafka, databases);
        await using var shop = Build(scene, new NpgsqlConnectionStringBuilder(scene.Database.ConnectionString) { Multiplexing = true }.ConnectionString);

        Assert.Equal(0, await PublishAsync(shop));
        Assert.Equal(0, await PublishAsync(shop));
    }

    /// <summary>Publishes in a transaction.</summary>
    /// <returns>How many statements about the outbox were prepared in its session.</returns>
    private static async Task<long> PublishAsync(TestService shop)
    {
        var prepared = 0L;
        await shop.InScopeAsync(async scope =>
        {
            var db = scope.GetRequiredService<ShopContext>();
            await using var transaction = await db.Database.BeginTransactionAsync();
            await db.PublishAsync(new OrderPlaced("a", 1));
            await db.SaveChangesAsync();
            prepared = await db.Database.SqlQuery<long>($"""SELECT count(*) AS "Value" FROM pg_prepared_statements WHERE statement LIKE 'INSERT INTO %outbox_messages%'""").SingleAsync();
            await transaction.CommitAsync();
        });
        return prepared;
    }

    [Fact]
    public async Task A_column_that_a_migration_changes_meanwhile_stops_no_later_session()
    {
        await using var shop = await Shop.OpenAsync(databases);
        var lane = await shop.PublishAsync(1);
        await using (var before = await RelayHand.OpenAsync(shop, lane, "one"))
        {
            // Prepared, and run as that.
            Assert.Single((await before.ReadAsync())!);
            Assert.Single((await before.ReadAsync())!);
        }

        await shop.Database.AskAsync<ShopContext, int>(db => db.Database.ExecuteSqlRawAsync("ALTER TABLE outbox_messages ALTER COLUMN topic TYPE text"));

        await Eventually.Until(async () =>
        {
            try
            {
                await using var after = await RelayHand.OpenAsync(shop, lane, "one");
                return (await after.ReadAsync())!.Count;
            }
            catch (DbException)
            {
                // The first may meet the old plan.
                return 0;
            }
        }, count => count == 1);
    }

    private static async Task<TestService> StartAsync(OutboxScene scene, PgBouncer pooler)
    {
        var shop = Build(scene, pooler.ConnectionString);
        await shop.StartAsync();
        return shop;
    }

    private static TestService Build(OutboxScene scene, string connectionString) => scene.Bus.Build("shop", services =>
    {
        services.AddDbContext<ShopContext>(options => options.UseNpgsql(connectionString));
        services.AddCuckooEventBus(bus => bus.UseOutbox<ShopContext>());
    });

    /// <summary>Counts the order up under its row's lock and publishes the count.</summary>
    private static Task ChangeAsync(TestService shop, string key) => shop.InScopeAsync(async scope =>
    {
        var db = scope.GetRequiredService<ShopContext>();
        await using var transaction = await db.Database.BeginTransactionAsync();
        await db.Orders.Where(o => o.Id == key).ExecuteUpdateAsync(set => set.SetProperty(o => o.Number, o => o.Number + 1));
        await db.PublishAsync(new OrderPlaced(key, await db.Orders.Where(o => o.Id == key).Select(o => o.Number).SingleAsync()));
        await db.SaveChangesAsync();
        await transaction.CommitAsync();
    });

    /// <summary>A port that leads to one server, and then to another.</summary>
    private sealed class MovableAddress : IAsyncDisposable
    {
        private readonly TcpListener _listener = new(IPAddress.Loopback, 0);
        private readonly ConcurrentBag<TcpClient> _clients = [];
        private readonly Task _accepting;
        private volatile NpgsqlConnectionStringBuilder _target;

        public MovableAddress(string connectionString)
        {
            _target = new NpgsqlConnectionStringBuilder(connectionString);
            _listener.Start();
            ConnectionString = new NpgsqlConnectionStringBuilder(connectionString)
            {
                Host = "127.0.0.1",
                Port = ((IPEndPoint)_listener.LocalEndpoint).Port,
                NoResetOnClose = true,
            }.ConnectionString;
            _accepting = AcceptAsync();
        }

        public string ConnectionString { get; }

        /// <summary>Ends the connections that lead elsewhere.</summary>
        public void MoveTo(string connectionString)
        {
            _target = new NpgsqlConnectionStringBuilder(connectionString);
            Close();
        }

        public async ValueTask DisposeAsync()
        {
            NpgsqlConnection.ClearAllPools();
            _listener.Stop();
            Close();
            await _accepting.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }

        private void Close()
        {
            while (_clients.TryTake(out var client))
            {
                client.Dispose();
            }
        }

        private async Task AcceptAsync()
        {
            while (true)
            {
                var from = await _listener.AcceptTcpClientAsync();
                var to = new TcpClient();
                await to.ConnectAsync(_target.Host!, _target.Port);
                (from.NoDelay, to.NoDelay) = (true, true);
                _clients.Add(from);
                _clients.Add(to);
                _ = from.GetStream().CopyToAsync(to.GetStream()).ContinueWith(_ => to.Dispose(), TaskScheduler.Default);
                _ = to.GetStream().CopyToAsync(from.GetStream()).ContinueWith(_ => from.Dispose(), TaskScheduler.Default);
            }
        }
    }
}
