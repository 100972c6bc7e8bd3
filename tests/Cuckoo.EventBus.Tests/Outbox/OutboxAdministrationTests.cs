using System.Text;
using Cuckoo.EventBus.Outbox;
using Cuckoo.EventBus.Tests.Sample;
using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.DependencyInjection;

namespace Cuckoo.EventBus.Tests.Outbox;

/// <summary>What a person can see and decide.</summary>
public abstract class OutboxAdministrationTests(KafkaFixture kafka, DatabaseFixture databases)
{
    private static readonly (string, string)[] DiesAtOnce = [("Relay:MaxAttempts", "1")];

    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Events_are_listed_by_whatever_the_filter_says()
    {
        await using var scene = await OutboxScene.OpenAsync(kafka, databases);
        var placed = new OrderPlaced("a", 1);
        var before = DateTimeOffset.UtcNow.AddMinutes(-1);
        await OutboxScene.PublishAsync(scene.Writer, [placed, new("b", 2)]);
        await OutboxScene.PublishAsync(scene.Writer, [new("c", 3)], new PublishOptions { DeliverAt = DateTimeOffset.UtcNow.AddDays(1) });
        var admin = Of(scene.Writer);
        var all = await ListAsync(new OutboxFilter());

        Assert.Equal(["a", "b", "c"], all.Select(e => e.Key));
        Assert.Equal(["a"], await KeysAsync(new OutboxFilter { Ids = [all[0].Id] }));
        Assert.Equal(["b"], await KeysAsync(new OutboxFilter { Key = "b" }));
        Assert.Equal(["c"], await KeysAsync(new OutboxFilter { State = OutboxEntryState.Scheduled }));
        Assert.Equal(["a"], await KeysAsync(new OutboxFilter { EventId = placed.EventId.ToString() }));
        Assert.Equal(["a", "b", "c"], await KeysAsync(new OutboxFilter { Topic = scene.Bus.Prefix + Topics.Orders, EventType = "order.placed", CreatedFrom = before }));
        Assert.Empty(await KeysAsync(new OutboxFilter { CreatedBefore = before }));
        Assert.Empty(await KeysAsync(new OutboxFilter { Topic = "another" }));
        Assert.Empty(await KeysAsync(new OutboxFilter { EventType = "another" }));
        Assert.Empty(await KeysAsync(new OutboxFilter { Key = "b", State = OutboxEntryState.Scheduled }));

        async Task<List<OutboxEntry>> ListAsync(OutboxFilter filter) => await admin.ListAsync(filter, Ct).ToListAsync(Ct);

        async Task<IEnumerable<string?>> KeysAsync(OutboxFilter filter) => (await ListAsync(filter)).Select(e => e.Key);
    }

    [Fact]
    public async Task More_events_than_one_part_are_listed_whole_and_in_order()
    {
        await using var scene = await OutboxScene.OpenAsync(kafka, databases);
        await scene.PublishAsync("a", Enumerable.Range(1, 1100));

        var ids = await Of(scene.Writer).ListAsync(new OutboxFilter { Key = "a" }, Ct).Select(e => e.Id).ToListAsync(Ct);

        Assert.Equal(1100, ids.Count);
        Assert.Equal(ids.Order(), ids);
    }

    [Fact]
    public async Task One_event_is_shown_with_its_headers_and_payload_and_one_that_is_not_there_not()
    {
        await using var scene = await OutboxScene.OpenAsync(kafka, databases);
        await OutboxScene.PublishAsync(scene.Writer, [new("a", 7)], new PublishOptions { Headers = new EventHeaders { { "x-tenant", "acme" } } });
        var id = (await scene.RowsAsync())[0].Id;

        var entry = (await Of(scene.Writer).FindAsync(id, Ct))!;

        Assert.Equal(("a", OutboxEntryState.Pending, 0, null), (entry.Key, entry.State, entry.Attempts, entry.LastError));
        Assert.Equal("acme", entry.Headers!["x-tenant"]);
        Assert.Contains("\"number\":7", Encoding.UTF8.GetString(entry.Payload!.Value.Span), StringComparison.Ordinal);
        Assert.Equal(entry.PayloadBytes, entry.Payload.Value.Length);
        Assert.Null(await Of(scene.Writer).FindAsync(id + 1, Ct));
    }

    [Fact]
    public async Task A_dead_event_that_is_requeued_goes_out_as_the_newest_of_its_key()
    {
        await using var scene = await OutboxScene.OpenAsync(kafka, databases);
        var relay = await scene.StartRelayAsync(DiesAtOnce);
        await scene.PublishSpoiltAsync("a", 1, 2, 3);
        await scene.EventuallySentAsync("a", 2, 3);
        await scene.EventuallyRowsAsync("a", "1 Dead for a time");

        // Still spoilt: it dies again, with all its attempts.
        Assert.Equal(1, await Of(relay).RequeueAsync(new OutboxFilter { State = OutboxEntryState.Dead }, ct: Ct));
        await Eventually.True(async () => await scene.RowsAsync() is [{ State: OutboxEntryState.Dead, Id: > 3, Attempts: 1 }]);
        await scene.RepairAsync();
        Assert.Equal(1, await Of(relay).RequeueAsync(new OutboxFilter { Key = "a" }, ct: Ct));

        await scene.EventuallySentAsync("a", 2, 3, 1);
        await scene.EventuallyEmptyAsync();
    }

    [Fact]
    public async Task A_waiting_event_that_is_requeued_is_tried_at_once_where_it_stands()
    {
        await using var scene = await OutboxScene.OpenAsync(kafka, databases);
        var relay = await scene.StartRelayAsync();
        await scene.PublishSpoiltAsync("a", 1, 2, 3);
        await scene.EventuallyRowsAsync("a", "1 Waiting for a time, 2 Waiting, 3 Waiting");
        await scene.Database.AskAsync<ShopContext, int>(db => db.Set<OutboxMessage>().ExecuteUpdateAsync(set => set.SetProperty(m => m.Headers, new byte[] { 1 })));

        Assert.Equal(1, await Of(relay).RequeueAsync(new OutboxFilter { Key = "a" }, ct: Ct));

        await scene.EventuallySentAsync("a", 1, 2, 3);
    }

    [Fact]
    public async Task A_discarded_dead_event_is_gone()
    {
        await using var scene = await OutboxScene.OpenAsync(kafka, databases);
        var relay = await scene.StartRelayAsync(DiesAtOnce);
        await scene.PublishSpoiltAsync("a", 1);
        await scene.PublishSpoiltAsync("b", 2);
        await scene.EventuallyRowsAsync("a", "1 Dead for a time");
        await scene.EventuallyRowsAsync("b", "2 Dead for a time");

        Assert.Equal(1, await Of(relay).DiscardAsync(new OutboxFilter { Key = "a", State = OutboxEntryState.Dead }, ct: Ct));

        Assert.Equal(["b"], await Of(relay).ListAsync(new OutboxFilter(), Ct).Select(e => e.Key).ToListAsync(Ct));
    }

    [Fact]
    public async Task Events_that_wait_behind_a_discarded_one_go_on_in_order()
    {
        await using var scene = await OutboxScene.OpenAsync(kafka, databases);
        var relay = await scene.StartRelayAsync();
        await scene.PublishSpoiltAsync("a", 1, 2, 3);
        await scene.EventuallyRowsAsync("a", "1 Waiting for a time, 2 Waiting, 3 Waiting");

        Assert.Equal(1, await Of(relay).DiscardAsync(new OutboxFilter { Ids = [(await scene.RowsAsync())[0].Id] }, ct: Ct));

        await scene.PublishAsync("a", 4);
        await scene.EventuallySentAsync("a", 2, 3, 4);
        await scene.EventuallyEmptyAsync();
    }

    [Fact]
    public async Task A_delayed_event_can_be_discarded()
    {
        await using var scene = await OutboxScene.OpenAsync(kafka, databases);
        await OutboxScene.PublishAsync(scene.Writer, [new("a", 1)], new PublishOptions { DeliverAt = DateTimeOffset.UtcNow.AddDays(1) });

        Assert.Equal(1, await Of(scene.Writer).DiscardAsync(new OutboxFilter { State = OutboxEntryState.Scheduled }, ct: Ct));

        Assert.Empty(await scene.RowsAsync());
    }

    [Fact]
    public async Task Many_events_are_done_in_parts_that_tell_their_progress()
    {
        await using var scene = await OutboxScene.OpenAsync(kafka, databases);
        await scene.PublishAsync("a", Enumerable.Range(1, 1100));
        await scene.Database.AskAsync<ShopContext, int>(db => db.Set<OutboxMessage>().ExecuteUpdateAsync(set => set.SetProperty(m => m.State, OutboxEntryState.Dead)));
        var progress = new Progress();

        Assert.Equal(1100, await Of(scene.Writer).RequeueAsync(new OutboxFilter { State = OutboxEntryState.Dead }, progress, Ct));

        Assert.Equal([500, 1000, 1100], progress.Reports);
        var rows = await scene.RowsAsync();
        Assert.Equal(1100, rows.Count(row => row is { State: OutboxEntryState.Pending, Id: > 1100 }));
        await scene.StartRelayAsync();
        await scene.EventuallySentAsync("a", Enumerable.Range(1, 1100));
    }

    [Fact]
    public async Task A_filter_that_would_mean_everything_is_refused()
    {
        await using var scene = await OutboxScene.OpenAsync(kafka, databases);

        await Assert.ThrowsAsync<ArgumentException>(() => Of(scene.Writer).RequeueAsync(new OutboxFilter(), ct: Ct));
        await Assert.ThrowsAsync<ArgumentException>(() => Of(scene.Writer).DiscardAsync(new OutboxFilter(), ct: Ct));
        Assert.Equal(0, await Of(scene.Writer).DiscardAsync(new OutboxFilter { Ids = [] }, ct: Ct));
    }

    [Fact]
    public async Task Of_several_outboxes_one_asks_for_the_one_that_is_meant()
    {
        await using var bus = await TestBus.CreateAsync(kafka, Topics.Orders);
        var shops = await bus.AddDatabaseAsync<ShopContext>(databases);
        var billing = await bus.AddDatabaseAsync<BillingContext>(databases);
        var service = await bus.StartAsync<ShopContext>(
            "shop",
            shops,
            b => b.UseOutbox<BillingContext>(),
            services => services.AddDbContext<BillingContext>(options => billing.Configure(options)),
            new Dictionary<string, string?> { ["EventBus:Relay:Enabled"] = "false" });
        await service.InScopeAsync(async scope =>
        {
            var db = scope.GetRequiredService<BillingContext>();
            await db.PublishAsync(new OrderPlaced("a", 1));
            await db.SaveChangesAsync();
        });

        var error = Assert.Throws<EventBusException>(service.Services.GetRequiredService<IOutboxAdministration>);
        Assert.Contains("IOutboxAdministration<TContext>", error.Message, StringComparison.Ordinal);
        Assert.Equal(1, await service.Services.GetRequiredService<IOutboxAdministration<BillingContext>>().ListAsync(new OutboxFilter(), Ct).CountAsync(Ct));
        Assert.Equal(0, await service.Services.GetRequiredService<IOutboxAdministration<ShopContext>>().ListAsync(new OutboxFilter(), Ct).CountAsync(Ct));
    }

    private static IOutboxAdministration Of(TestService service) => service.Services.GetRequiredService<IOutboxAdministration>();

    private sealed class Progress : IProgress<long>
    {
        public List<long> Reports { get; } = [];

        public void Report(long value) => Reports.Add(value);
    }
}

public sealed class Outbox_administration_on_PostgreSQL(KafkaFixture kafka, PostgresFixture databases) : OutboxAdministrationTests(kafka, databases);

public sealed class Outbox_administration_on_SQLite(KafkaFixture kafka, SqliteFixture databases) : OutboxAdministrationTests(kafka, databases);
