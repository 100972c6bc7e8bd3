namespace Cuckoo.EventBus;

/// <summary>Why a consumer begins no attempts.</summary>
public enum PauseReason
{
    /// <summary>A person said so: <see cref="IConsumerAdministration.Pause"/>.</summary>
    Administration,

    /// <summary>Its handler threw an exception of <see cref="ConsumerOptions.PauseOn{TException}"/>.</summary>
    Exception,

    /// <summary>Nearly everything failed: <see cref="ConsumerOptions.KillSwitch"/>.</summary>
    KillSwitch,

    /// <summary>The database that holds its inbox does not answer. It goes on by itself.</summary>
    DatabaseAway,

    /// <summary>No broker answers, which its handler needs. It goes on by itself.</summary>
    BrokerAway,
}
