namespace Shop.Notifications;

/// <summary>The outside world: whoever really sends our mails.</summary>
public interface IMailGateway
{
    /// <exception cref="MailGatewayBusyException">Not now. Try again.</exception>
    /// <exception cref="AddressRefusedException">Never. Trying again is pointless.</exception>
    Task SendAsync(Mail mail, CancellationToken ct);
}
