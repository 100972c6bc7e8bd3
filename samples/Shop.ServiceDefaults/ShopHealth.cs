using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Diagnostics.HealthChecks;
using Microsoft.AspNetCore.Routing;

namespace Shop.ServiceDefaults;

/// <summary>What a platform asks a service: does it live, and should it get requests?</summary>
public static class ShopHealth
{
    /// <summary>The tag of checks that a service needs to pass to get requests.</summary>
    public const string Ready = "ready";

    /// <summary>The tag of checks that only a restart can mend. There is none: what a service waits for is no reason to restart it.</summary>
    public const string Live = "live";

    internal const string Path = "/health";

    /// <summary>
    /// <c>/health/live</c> and <c>/health/ready</c>: 200 when the health checks with that tag pass, 503 otherwise. Any check that is
    /// registered with one of the tags is asked.
    /// </summary>
    public static void MapShopHealth(this IEndpointRouteBuilder app)
    {
        foreach (var tag in (ReadOnlySpan<string>)[Live, Ready])
        {
            app.MapHealthChecks($"{Path}/{tag}", new HealthCheckOptions { Predicate = check => check.Tags.Contains(tag) });
        }
    }
}
