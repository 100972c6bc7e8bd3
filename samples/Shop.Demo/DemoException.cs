namespace Shop.Demo;

/// <summary>Something the person at the keyboard can do something about; the message says what.</summary>
internal sealed class DemoException(string message) : Exception(message);
