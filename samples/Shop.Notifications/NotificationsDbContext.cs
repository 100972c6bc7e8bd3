using Cuckoo.EventBus;
using Microsoft.EntityFrameworkCore;

namespace Shop.Notifications;

public sealed class NotificationsDbContext(DbContextOptions<NotificationsDbContext> options) : DbContext(options)
{
    public DbSet<Notification> Notifications => Set<Notification>();

    public DbSet<SentMail> SentMails => Set<SentMail>();

    protected override void OnModelCreating(ModelBuilder modelBuilder)
    {
        modelBuilder.AddEventBus();
        modelBuilder.Entity<SentMail>().HasKey(m => m.IdempotencyKey);
        modelBuilder.Entity<Notification>(notification =>
        {
            notification.HasKey(n => n.EventId);
            notification.Property(n => n.EventId).ValueGeneratedNever();
            notification.HasIndex(n => n.OrderId);
        });
    }
}
