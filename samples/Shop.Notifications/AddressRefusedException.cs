namespace Shop.Notifications;

/// <summary>There is no such mailbox and there never will be.</summary>
public sealed class AddressRefusedException(string message) : Exception(message);
