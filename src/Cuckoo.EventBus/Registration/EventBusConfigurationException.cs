namespace Cuckoo.EventBus;

/// <summary>The bus's configuration can't work. Thrown when the host starts, with every error at once.</summary>
public sealed class EventBusConfigurationException : EventBusException
{
    /// <summary>Creates the exception.</summary>
    /// <param name="errors">One sentence per error: what is wrong, at which configuration path, and what to do.</param>
    public EventBusConfigurationException(IReadOnlyList<string> errors)
        : base(string.Join(Environment.NewLine, errors ?? throw new ArgumentNullException(nameof(errors)))) => Errors = errors;

    /// <summary>One sentence per error: what is wrong, at which configuration path, and what to do.</summary>
    public IReadOnlyList<string> Errors { get; }
}
