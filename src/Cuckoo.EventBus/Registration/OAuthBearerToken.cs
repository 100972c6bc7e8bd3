namespace Cuckoo.EventBus;

/// <summary>A token for SASL mechanism OAUTHBEARER.</summary>
/// <param name="Value">The token as it goes to the broker. Never logged.</param>
/// <param name="ExpiresAt">When it expires; another one is asked for before.</param>
/// <param name="Principal">The principal's name, as the broker knows it.</param>
public sealed record OAuthBearerToken(string Value, DateTimeOffset ExpiresAt, string Principal)
{
    /// <summary>The principal and the expiry, without the secret.</summary>
    public override string ToString() => $"OAUTHBEARER token of {Principal}, expires {ExpiresAt:O}";
}
