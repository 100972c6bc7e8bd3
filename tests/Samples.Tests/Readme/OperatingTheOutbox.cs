using Cuckoo.EventBus;
using Microsoft.AspNetCore.Builder;
using Microsoft.Extensions.DependencyInjection;

namespace Samples.Tests.Readme;

internal static class OperatingTheOutbox
{
    public static void AddHealth(WebApplicationBuilder builder)
    {
        builder.Services.AddHealthChecks().AddCuckooEventBus();
    }

    public static async Task RequeueDeadAsync(IOutboxAdministration outbox)
    {
        var dead = new OutboxFilter { State = OutboxEntryState.Dead, Topic = "order-events" };
        await foreach (var entry in outbox.ListAsync(dead))
        {
            Console.WriteLine($"{entry.Id} {entry.EventType} {entry.Key}: {entry.LastError}");
        }

        await outbox.RequeueAsync(dead);        // as the newest events of their keys; or outbox.DiscardAsync(dead)
    }
}
