using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Hosting.Server.Features;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;

namespace Cuckoo.EventBus.Benchmarks.Harness;

/// <summary>A collector that takes everything and keeps nothing: what exporting costs is the side's own.</summary>
internal sealed class TelemetrySink : IAsyncDisposable
{
    private readonly WebApplication _application;

    private TelemetrySink(WebApplication application) => _application = application;

    public string Endpoint => _application.Services.GetRequiredService<IServer>().Features.Get<IServerAddressesFeature>()!.Addresses.Single();

    public static async Task<TelemetrySink> StartAsync()
    {
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.UseUrls("http://127.0.0.1:0");
        var application = builder.Build();
        application.Run(static async context =>
        {
            await context.Request.Body.CopyToAsync(Stream.Null);
            context.Response.ContentType = "application/x-protobuf";
            context.Response.StatusCode = StatusCodes.Status200OK;
        });
        await application.StartAsync();
        return new TelemetrySink(application);
    }

    public ValueTask DisposeAsync() => _application.DisposeAsync();
}
