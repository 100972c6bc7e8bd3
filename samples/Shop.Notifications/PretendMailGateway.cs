using System.Collections.Concurrent;
using Microsoft.EntityFrameworkCore;

namespace Shop.Notifications;

/// <summary>
/// Sends nothing, and behaves like one that does: remembers what it sent by idempotency key, is busy when first asked to
/// write to <c>busy@…</c>, and refuses <c>…@refused.example</c> for good.
/// </summary>
internal sealed class PretendMailGateway(IServiceScopeFactory scopes) : IMailGateway
{
    private readonly ConcurrentDictionary<string, bool> _turnedAway = new();

    public async Task SendAsync(Mail mail, CancellationToken ct)
    {
        if (mail.To.EndsWith("@refused.example", StringComparison.Ordinal))
        {
            throw new AddressRefusedException($"550 no such mailbox: {mail.To}");
        }

        if (mail.To.StartsWith("busy@", StringComparison.Ordinal) && _turnedAway.TryAdd(mail.IdempotencyKey, true))
        {
            throw new MailGatewayBusyException("451 try again later");
        }

        // A context of its own: this is the gateway's store, not part of what its caller does.
        await using var scope = scopes.CreateAsyncScope();
        var db = scope.ServiceProvider.GetRequiredService<NotificationsDbContext>();
        if (!await db.SentMails.AnyAsync(m => m.IdempotencyKey == mail.IdempotencyKey, ct))
        {
            db.SentMails.Add(new SentMail { IdempotencyKey = mail.IdempotencyKey, To = mail.To, Subject = mail.Subject });
            await db.SaveChangesAsync(ct);
        }
    }
}
