namespace Samples.Tests.Shop;

public sealed class SqliteShopTests(KafkaFixture kafka)
{
    [Fact]
    public async Task The_services_run_on_SQLite_too_and_stop_in_order_when_they_are_terminated()
    {
        var broker = await kafka.Broker;
        broker.RequireReal("services in processes of their own");
        var folder = Directory.CreateTempSubdirectory("shop-").FullName;
        try
        {
            await using var shop = await ShopProcesses.StartAsync(broker, service => $"Data Source={Path.Combine(folder, $"{service}.db")}");

            var order = await shop.PlaceAsync("book");
            await shop.HasOnFileAsync(OrderFile.Completed("12.50"), order);

            foreach (var service in ShopProcesses.Names)
            {
                var (exitCode, output) = await shop.TerminateAsync(service);
                Assert.True(exitCode == 0, $"{service} ended with {exitCode}:\n{output}");
                Assert.Contains("Application is shutting down", output, StringComparison.Ordinal);
                Assert.DoesNotMatch("(?m)^(fail|crit): ", output);
            }
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }
}
