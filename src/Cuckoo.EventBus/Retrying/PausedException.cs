namespace Cuckoo.EventBus.Retrying;

/// <summary>The kill switch let no attempt begin: it is due again when the consumer goes on.</summary>
internal sealed class PausedException(Exception cause) : Exception("The consumer is paused.", cause);
