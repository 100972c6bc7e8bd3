namespace Shop.Notifications;

/// <summary>What the pretend gateway has sent. In life this table is somebody else's.</summary>
public sealed class SentMail
{
    public required string IdempotencyKey { get; set; }

    public required string To { get; set; }

    public required string Subject { get; set; }
}
