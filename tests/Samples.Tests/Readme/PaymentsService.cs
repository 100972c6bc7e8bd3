using Cuckoo.EventBus;
using Microsoft.AspNetCore.Builder;
using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;

namespace Samples.Tests.Readme;

internal static class PaymentsService
{
    public static WebApplication Build(WebApplicationBuilder builder)
    {
        builder.Services.AddDbContext<PaymentsDbContext>(o => o.UseNpgsql(builder.Configuration.GetConnectionString("payments")));
        builder.Services.AddCuckooEventBus(bus => bus.UseOutbox<PaymentsDbContext>().AddConsumer<ChargeOrder>());
        return builder.Build();
    }
}
