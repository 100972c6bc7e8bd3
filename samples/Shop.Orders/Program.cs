using Shop.Orders;
using Shop.ServiceDefaults;

var builder = WebApplication.CreateBuilder(args);
builder.AddShopTelemetry();
builder.AddOrders();

var app = builder.Build();
app.MapOrders();
app.MapShopHealth();
app.MapPrometheusScrapingEndpoint();
app.Run();
