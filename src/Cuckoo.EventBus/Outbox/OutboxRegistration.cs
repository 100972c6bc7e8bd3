using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.DependencyInjection;

namespace Cuckoo.EventBus.Outbox;

/// <summary>Puts the interceptor into a context's options, however and wherever the context is registered.</summary>
internal static class OutboxRegistration
{
    public static void Add<TContext>(IServiceCollection services)
        where TContext : DbContext =>
        services.ConfigureDbContext<TContext>((provider, options) => options.AddInterceptors(provider.GetRequiredService<OutboxInterceptor>()));
}
