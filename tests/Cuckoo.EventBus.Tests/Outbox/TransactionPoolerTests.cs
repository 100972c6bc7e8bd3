using Cuckoo.EventBus.Tests.Sample;
using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.DependencyInjection;

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

    private static async Task<TestService> StartAsync(OutboxScene scene, PgBouncer pooler)
    {
        var shop = scene.Bus.Build("shop", services =>
        {
            services.AddDbContext<ShopContext>(options => options.UseNpgsql(pooler.ConnectionString));
            services.AddCuckooEventBus(bus => bus.UseOutbox<ShopContext>());
        });
        await shop.StartAsync();
        return shop;
    }

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
}
