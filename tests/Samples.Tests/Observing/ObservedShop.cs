using Samples.Tests.Shop;

namespace Samples.Tests.Observing;

/// <summary>The four services with a real Jaeger and a real Prometheus, each started by the first test that asks for it.</summary>
public sealed class ObservedShop(KafkaFixture kafka, PostgresFixture postgres) : IAsyncLifetime
{
    private readonly ShopServices _services = new(kafka, postgres);
    private JaegerServer? _jaeger;
    private PrometheusServer? _prometheus;

    internal async Task<ShopProcesses> RunningAsync()
    {
        // Before the services, which are told its address once. Who asks for it does not get here without.
        if (_jaeger is null && JaegerServer.IsAvailable)
        {
            _jaeger = await JaegerServer.StartAsync();
        }

        return await _services.RunningAsync(Settings);
    }

    internal async Task<(ShopProcesses Shop, JaegerServer Jaeger)> WithJaegerAsync()
    {
        _jaeger ??= await JaegerServer.StartAsync();
        return (await RunningAsync(), _jaeger);
    }

    internal async Task<(ShopProcesses Shop, PrometheusServer Prometheus)> WithPrometheusAsync()
    {
        var shop = await RunningAsync();
        _prometheus ??= await PrometheusServer.StartAsync(ShopProcesses.Names.ToDictionary(service => service, service => shop.Http(service).BaseAddress!));
        return (shop, _prometheus);
    }

    internal string ConnectionString(string service) => _services.ConnectionString(service);

    public ValueTask InitializeAsync() => _services.InitializeAsync();

    public async ValueTask DisposeAsync()
    {
        if (_prometheus is not null)
        {
            await _prometheus.DisposeAsync();
        }

        await _services.DisposeAsync();
        if (_jaeger is not null)
        {
            await _jaeger.DisposeAsync();
        }
    }

    private Dictionary<string, string> Settings(string service)
    {
        var settings = new Dictionary<string, string>();
        if (_jaeger is not null)
        {
            settings["OTEL_EXPORTER_OTLP_ENDPOINT"] = _jaeger.OtlpEndpoint;
            settings["OTEL_BSP_SCHEDULE_DELAY"] = "200";
        }

        if (service == "notifications")
        {
            // The gateway is busy once for each mail: that one failure parks the record.
            settings["EventBus:Consumers:tell-customer:Attempts"] = "1";
            settings["EventBus:Consumers:tell-customer:ParkedRetryDelay"] = "00:00:00.5";
        }

        return settings;
    }
}

/// <summary>One after the other on one shop.</summary>
[CollectionDefinition]
public sealed class ObservedShopCollection : ICollectionFixture<ObservedShop>;
