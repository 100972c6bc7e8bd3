using Shop.Notifications;
using Shop.ServiceDefaults;

var builder = WebApplication.CreateBuilder(args);
builder.AddShopTelemetry();
builder.AddNotifications();

var app = builder.Build();
app.MapNotifications();
app.MapShopHealth();
app.MapPrometheusScrapingEndpoint();
app.Run();
