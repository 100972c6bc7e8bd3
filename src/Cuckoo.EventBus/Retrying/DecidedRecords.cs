namespace Cuckoo.EventBus;

/// <summary>How far a person's decision about records has come, and in the end what came of it.</summary>
/// <param name="Decided">Records for which it is carried out.</param>
/// <param name="Skipped">
/// Records that are left as they are: their outcome is another one by now, someone is at work on them at this moment, or no
/// consumer here is theirs. The log names each with its reason.
/// </param>
public sealed record DecidedRecords(long Decided, long Skipped);
