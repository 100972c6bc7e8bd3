namespace Cuckoo.EventBus;

/// <summary>
/// Looks at the consumers of this process, pauses and resumes them. Of this process alone: other instances of the service go
/// on, and know nothing of it; a pause ends with the process. A singleton, safe for concurrent use.
/// </summary>
public interface IConsumerAdministration
{
    /// <summary>The service's consumers, in the order in which they were added.</summary>
    /// <returns>What each is doing now.</returns>
    IReadOnlyList<ConsumerStatus> List();

    /// <summary>
    /// Has a consumer begin no attempts until <see cref="Resume"/>. Running ones end as they would. Records wait in the order
    /// in which they came, no attempt is charged, offsets stay, and the partitions remain this process's. Other consumers of
    /// its group go on, also with the same records, until the group has read as much as it may hold (10,000 records or 32 MB that
    /// one of its consumers has not finished). A consumer that may be paused for long has a group of its own.
    /// </summary>
    /// <param name="consumer">The consumer's name.</param>
    /// <param name="reason">Shown in <see cref="ConsumerStatus.Reason"/>, the health check and the log. Default: that a person did it.</param>
    /// <exception cref="ArgumentException">There is no consumer of this name.</exception>
    void Pause(string consumer, string? reason = null);

    /// <summary>
    /// Has a consumer go on that is paused by <see cref="Pause"/>, by <see cref="ConsumerOptions.PauseOn{TException}"/> or by
    /// its <see cref="ConsumerOptions.KillSwitch"/>. One whose database or broker is away goes on when that is back.
    /// </summary>
    /// <param name="consumer">The consumer's name.</param>
    /// <exception cref="ArgumentException">There is no consumer of this name.</exception>
    void Resume(string consumer);

    /// <summary>
    /// Has a group begin that is <see cref="ConsumerState.Held"/> because Kafka has no committed position of it any more although it
    /// worked before: commits one for every partition of its topics. Unlike the others, this holds for all instances of the service.
    /// </summary>
    /// <param name="group">The group's name.</param>
    /// <param name="startFrom">
    /// <see cref="StartFrom.Earliest"/> loses nothing that the topics still have, and what is younger than
    /// <see cref="EventBusOptions.InboxRetention"/> is dropped as a repeat; <see cref="StartFrom.Latest"/> passes over what came while the
    /// group was away.
    /// </param>
    /// <param name="ct">Ends the waiting.</param>
    /// <returns>A task that completes when the positions are committed; the group's instances notice within seconds.</returns>
    /// <exception cref="ArgumentException">There is no group of this name here.</exception>
    /// <exception cref="EventBusException">The group isn't held, or Kafka refused to commit.</exception>
    Task StartGroupAsync(string group, StartFrom startFrom, CancellationToken ct = default);

    /// <inheritdoc cref="StartGroupAsync(string, StartFrom, CancellationToken)"/>
    /// <param name="group">The group's name.</param>
    /// <param name="time">Each partition starts with its first record of this time or later, by the records' timestamps, or at its end.</param>
    /// <param name="ct">Ends the waiting.</param>
    Task StartGroupAsync(string group, DateTimeOffset time, CancellationToken ct = default);
}
