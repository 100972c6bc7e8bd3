namespace Cuckoo.EventBus.Outbox;

/// <summary>One lane and who drains it. The rows, made with the table, also fix how many lanes there are.</summary>
/// <remarks>
/// A lane's row is updated at every claim, and each version stays as long as a transaction anywhere is older. By the lane alone, an
/// index leads through all of them (after 100,000 claims 3 ms); by lane and claim, its end is the version that counts. So the claim
/// is part of the key, and whoever wants a lane's row asks for its last claim.
/// </remarks>
internal sealed class OutboxLane
{
    /// <summary>The number of no lane, but of a row by which one instance has the lease to ask for all how the tables stand.</summary>
    public const short Watch = -1;

    public short Lane { get; set; }

    /// <summary>Which lane a key belongs to, see <see cref="LaneHash"/>: as fixed as the number of lanes.</summary>
    public short HashVersion { get; set; }

    public string? Owner { get; set; }

    /// <summary>Counts claims, so that a former owner is told from the present one.</summary>
    public long Claim { get; set; }

    /// <summary>On the database's clock.</summary>
    public DateTime? LeaseUntil { get; set; }

    /// <summary>Someone committed rows while the lane was held: the holder must look again before it lets go.</summary>
    public bool Wake { get; set; }

    /// <summary>
    /// No row of this lane with this id or a lower one is to be sent any more: reads begin above. It spares them the entries of
    /// deleted rows, which stay in the index while any long transaction keeps vacuum away. See <see cref="LaneFloor"/>.
    /// </summary>
    public long Floor { get; set; }
}
