namespace Shop.Notifications;

/// <summary>The gateway takes no mail at the moment.</summary>
public sealed class MailGatewayBusyException(string message) : Exception(message);
