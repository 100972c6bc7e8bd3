using Cuckoo.EventBus.Outbox;
using Cuckoo.EventBus.Storage;
using Cuckoo.EventBus.Tests.Sample;
using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.DependencyInjection;

namespace Cuckoo.EventBus.Tests.Outbox;

/// <summary>One relay's hold on a lane, whose steps the test takes with its own hands.</summary>
internal sealed class RelayHand(DatabaseSession session, LaneClaim claim) : IAsyncDisposable
{
    private const int Limit = 1000;

    /// <summary>A test takes its steps as fast as the machine lets it.</summary>
    private static readonly TimeSpan LongLease = TimeSpan.FromMinutes(10);

    public DatabaseSession Session => session;

    public LaneClaim Claim => claim;

    public static Task<RelayHand> OpenAsync(Shop shop, short lane, string owner, RelayOptions? options = null) => OpenAsync(shop.Service, lane, owner, options);

    public static async Task<RelayHand> OpenAsync(TestService service, short lane, string owner, RelayOptions? options = null)
    {
        var database = service.Services.GetRequiredService<EventBusDatabases>().Find(typeof(ShopContext))!;
        var session = await database.OpenAsync(default);
        return new RelayHand(session, new LaneClaim(new LaneSql(database.Layout), database.Layout.Dialect, lane, owner, options ?? new RelayOptions { Lease = LongLease }));
    }

    /// <summary>Whoever has the lane has been silent for too long.</summary>
    public static Task EndLeaseAsync(TestDatabase database, short lane) => database.AskAsync<ShopContext, int>(db => db.Set<OutboxLane>()
        .Where(l => l.Lane == lane && l.Owner != null)
        .ExecuteUpdateAsync(s => s.SetProperty(l => l.LeaseUntil, new DateTime(2020, 1, 1, 0, 0, 0, DateTimeKind.Utc))));

    public static IEnumerable<int> Numbers(List<PendingRow>? rows) =>
        rows!.Select(row => System.Text.Json.JsonDocument.Parse(row.Payload).RootElement.GetProperty("number").GetInt32());

    /// <summary>Claims the lane and reads; <see langword="null"/> if another has it.</summary>
    public async Task<List<PendingRow>?> ReadAsync() => (await claim.ClaimAsync(session, Limit, resetFloor: false, asksWriters: false, default))?.Rows;

    /// <summary>Reads on; <see langword="null"/> if the lane is another's by now.</summary>
    public async Task<List<PendingRow>?> ReadOnAsync(IReadOnlyCollection<long>? done = null, IReadOnlyCollection<long>? park = null) =>
        (await claim.ReadAsync(session, new LaneStep { Done = done ?? [], Park = park ?? [], DurableFloor = 0 }, Limit, asksWriters: false, default))?.Rows;

    public Task<bool> ReleaseAsync(params long[] done) => claim.ReleaseAsync(session, new LaneStep { Done = done, DurableFloor = 0 }, default);

    public ValueTask DisposeAsync() => session.DisposeAsync();
}
