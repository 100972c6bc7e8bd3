using Cuckoo.EventBus.Storage;

namespace Cuckoo.EventBus.Retrying;

/// <summary>Why and when a consumer failed at a record, with texts as every table and header takes them.</summary>
internal sealed record Failure(Exception Exception, int Attempts, DateTimeOffset First, DateTimeOffset Last, int ReplayCount = 0)
{
    /// <summary>Enough for the frames that matter; a header as long as the record would make it too large.</summary>
    public const int MaxStackLength = 8000;

    public const int MaxMessageLength = 2000;

    private const int MaxTypeLength = 200;

    public string ExceptionType => ErrorText.Storable(Exception.GetType().FullName ?? Exception.GetType().Name, MaxTypeLength);

    public string Message => Text(Exception, static e => e.Message, MaxMessageLength);

    public string Stack => Text(Exception, static e => e.ToString(), MaxStackLength);

    /// <summary>An exception in one line, for a person.</summary>
    public static string Describe(Exception exception) => $"{exception.GetType().Name}: {Text(exception, static e => e.Message, MaxMessageLength)}";

    private static string Text(Exception exception, Func<Exception, string> text, int maxLength)
    {
        try
        {
            return ErrorText.Storable(text(exception) ?? "", maxLength);
        }
        catch (Exception e)
        {
            // The exception is the user's, and so may be its text.
            return $"({exception.GetType().Name} threw {e.GetType().Name} when asked for its text)";
        }
    }
}
