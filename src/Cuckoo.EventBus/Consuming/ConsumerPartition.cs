namespace Cuckoo.EventBus;

/// <summary>A partition that this process reads for a consumer's group, as it was within the last seconds.</summary>
/// <param name="Topic">The topic, with the prefix.</param>
/// <param name="Partition">The partition.</param>
/// <param name="NextOffset">Where a next owner has to start; <see langword="null"/> while that is not known.</param>
/// <param name="Lag">How many offsets are behind the newest record; <see langword="null"/> while that is not known.</param>
/// <param name="LagTime">How old the oldest record is that is not finished.</param>
public sealed record ConsumerPartition(string Topic, int Partition, long? NextOffset, long? Lag, TimeSpan LagTime);
