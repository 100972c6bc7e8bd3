using Shop.Payments;

var builder = WebApplication.CreateBuilder(args);
builder.AddPayments();

var app = builder.Build();
app.MapPayments();
app.Run();
