namespace Shop.Notifications;

/// <summary>A mail to be sent. The idempotency key is the same for every try of one mail: the gateway sends it once.</summary>
public sealed record Mail(string IdempotencyKey, string To, string Subject);
