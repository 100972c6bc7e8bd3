using Shop.Payments;
using Shop.ServiceDefaults;

var builder = WebApplication.CreateBuilder(args);
builder.AddShopTelemetry();
builder.AddPayments();

var app = builder.Build();
app.MapPayments();
app.MapShopHealth();
app.MapPrometheusScrapingEndpoint();
app.Run();
