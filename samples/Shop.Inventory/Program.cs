using Shop.Inventory;
using Shop.ServiceDefaults;

var builder = WebApplication.CreateBuilder(args);
builder.AddShopTelemetry();
builder.AddInventory();

var app = builder.Build();
app.MapInventory();
app.MapShopHealth();
app.MapPrometheusScrapingEndpoint();
app.Run();
