using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;

namespace Cuckoo.EventBus.TestKit;

/// <summary>A service with the bus, as a user would host it.</summary>
public sealed class TestService : IAsyncDisposable
{
    private readonly IHost _host;
    private bool _running;

    private TestService(IHost host, string name, LogCapture log)
    {
        _host = host;
        Name = name;
        Log = log;
    }

    /// <summary>The source of its events and the group of its consumers.</summary>
    public string Name { get; }

    public LogCapture Log { get; }

    public IServiceProvider Services => _host.Services;

    /// <summary>Builds a service without starting it.</summary>
    public static TestService Build(string name, IEnumerable<KeyValuePair<string, string?>> configuration, Action<IServiceCollection> configure)
    {
        var builder = Host.CreateEmptyApplicationBuilder(new HostApplicationBuilderSettings { ApplicationName = name, DisableDefaults = true });
        builder.Configuration.AddInMemoryCollection(configuration);
        var log = new LogCapture();
        builder.Logging.AddProvider(log);
        builder.Services.Configure<HostOptions>(options => options.ShutdownTimeout = TimeSpan.FromSeconds(40));
        builder.ConfigureContainer(new DefaultServiceProviderFactory(new ServiceProviderOptions { ValidateScopes = true, ValidateOnBuild = true }));
        configure(builder.Services);
        return new TestService(builder.Build(), name, log);
    }

    public async Task StartAsync()
    {
        // A host whose start failed is stopped as well: by then it may have started something.
        _running = true;
        await _host.StartAsync();
    }

    public async Task StopAsync()
    {
        if (_running)
        {
            _running = false;
            await _host.StopAsync();
        }
    }

    /// <summary>Does something in a scope of its own, as a request would.</summary>
    public async Task InScopeAsync(Func<IServiceProvider, Task> work)
    {
        await using var scope = Services.CreateAsyncScope();
        await work(scope.ServiceProvider);
    }

    public async ValueTask DisposeAsync()
    {
        await StopAsync();
        await ((IAsyncDisposable)_host).DisposeAsync();
    }
}
