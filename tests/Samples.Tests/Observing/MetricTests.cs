using Npgsql;
using Samples.Tests.Shop;

namespace Samples.Tests.Observing;

/// <summary>
/// What Prometheus finds at the services' <c>/metrics</c>, and when it alerts: real services, a real Prometheus, and the rules of
/// <c>k8s/monitoring</c> with shorter times (<see cref="AlertRules"/>).
/// </summary>
[Collection(typeof(ObservedShopCollection))]
public sealed class MetricTests(ObservedShop observed)
{
    /// <summary>Of a service that sends and handles events.</summary>
    private static readonly string[] OfEachService =
    [
        "cuckoo_eventbus_outbox_pending",
        "cuckoo_eventbus_outbox_oldest_age_seconds",
        "cuckoo_eventbus_outbox_dead",
        "cuckoo_eventbus_outbox_sent_total",
        "cuckoo_eventbus_outbox_drain_duration_seconds_bucket",
        "cuckoo_eventbus_consumer_lag",
        "cuckoo_eventbus_consumer_lag_time_seconds",
        "cuckoo_eventbus_consumer_in_flight",
        "cuckoo_eventbus_consumer_handled_total",
        "cuckoo_eventbus_consumer_rebalances_total",
        "messaging_client_sent_messages_total",
        "messaging_client_consumed_messages_total",
        "messaging_client_operation_duration_seconds_bucket",
        "messaging_process_duration_seconds_bucket",
    ];

    [Fact]
    public async Task Every_service_shows_its_outbox_and_its_consumers()
    {
        var (shop, prometheus) = await observed.WithPrometheusAsync();

        var order = await shop.PlaceAsync("book", email: "busy@example.com");

        await shop.HasOnFileAsync(OrderFile.Completed("12.50"), order);
        foreach (var metric in OfEachService)
        {
            await Eventually.Equal(
                string.Join(' ', ShopProcesses.Names.Order()),
                async () => string.Join(' ', (await prometheus.QueryAsync($"count by (job) ({metric})")).Select(series => series.Labels["job"]).Order()),
                what: $"the services that show {metric}");
        }

        var retries = await EventuallyAsync(prometheus, """cuckoo_eventbus_consumer_retries_total{job="notifications"}""", count: 1);
        Assert.Equal(("tell-customer", $"{shop.Prefix}notifications"), (retries[0]["cuckoo_eventbus_consumer"], retries[0]["messaging_consumer_group_name"]));
        var partitions = await EventuallyAsync(prometheus, """cuckoo_eventbus_consumer_lag_time_seconds{job="payments"}""", count: 3);
        Assert.Equal(["0", "1", "2"], partitions.Select(labels => labels["messaging_destination_partition_id"]).Order());
        Assert.All(partitions, labels => Assert.Equal($"{shop.Prefix}order-events", labels["messaging_destination_name"]));
    }

    [Fact]
    public async Task A_dead_letter_is_an_alert_with_its_consumer_and_reason_and_in_the_end_no_more()
    {
        var (shop, prometheus) = await observed.WithPrometheusAsync();

        await shop.PlaceAsync("mug", email: "nobody@refused.example");

        var alert = (await Eventually.Until(() => prometheus.FiringAsync("EventBusDeadLetters"), firing => firing.Count > 0, SampleProgram.Limit, "EventBusDeadLetters fires")).Single();
        Assert.Equal(
            ("notifications", $"{shop.Prefix}notifications", "tell-customer", "Shop.Notifications.AddressRefusedException", "warning"),
            (alert["job"], alert["messaging_consumer_group_name"], alert["cuckoo_eventbus_consumer"], alert["error_type"], alert["severity"]));
        await Eventually.Until(() => prometheus.FiringAsync("EventBusDeadLetters"), firing => firing.Count == 0, SampleProgram.Limit, "EventBusDeadLetters ends");
    }

    [Fact]
    public async Task Lag_is_an_alert_while_a_handler_can_not_go_on()
    {
        var (shop, prometheus) = await observed.WithPrometheusAsync();
        await using var connection = new NpgsqlConnection(observed.ConnectionString("payments"));
        await connection.OpenAsync();
        Guid order;
        await using (var transaction = await connection.BeginTransactionAsync())
        {
            await using var command = new NpgsqlCommand("""LOCK TABLE "Payments" IN ACCESS EXCLUSIVE MODE""", connection, transaction);
            await command.ExecuteNonQueryAsync();

            order = await shop.PlaceAsync("book");

            var alert = (await Eventually.Until(() => OfPaymentsAsync(prometheus), firing => firing.Count > 0, SampleProgram.Limit, "EventBusConsumerLag of payments fires")).Single();
            Assert.Equal($"{shop.Prefix}payments", alert["messaging_consumer_group_name"]);
            Assert.NotEmpty(await prometheus.QueryAsync("""sum by (job) (cuckoo_eventbus_consumer_lag{job="payments"}) > 0"""));
        }

        await Eventually.Until(() => OfPaymentsAsync(prometheus), firing => firing.Count == 0, SampleProgram.Limit, "EventBusConsumerLag of payments ends");
        await shop.HasOnFileAsync(OrderFile.Completed("12.50"), order);
    }

    private static async Task<IReadOnlyList<IReadOnlyDictionary<string, string>>> OfPaymentsAsync(PrometheusServer prometheus) =>
        [.. (await prometheus.FiringAsync("EventBusConsumerLag")).Where(labels => labels["job"] == "payments")];

    /// <summary>The labels of what an expression finds.</summary>
    private static async Task<IReadOnlyList<IReadOnlyDictionary<string, string>>> EventuallyAsync(PrometheusServer prometheus, string expression, int count) =>
        [.. (await Eventually.Until(() => prometheus.QueryAsync(expression), series => series.Count == count, what: expression)).Select(series => series.Labels)];
}
