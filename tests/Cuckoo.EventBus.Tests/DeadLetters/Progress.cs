namespace Cuckoo.EventBus.Tests.DeadLetters;

/// <summary>Keeps what is told, at once and on the thread that tells it.</summary>
internal sealed class Progress<T> : IProgress<T>
{
    public List<T> Reports { get; } = [];

    public void Report(T value) => Reports.Add(value);
}
