namespace Cuckoo.EventBus.Benchmarks.HandWritten;

/// <summary>The inbox as one would make it for one service with one consumer.</summary>
internal static class InboxTable
{
    public const string Create = "CREATE TABLE handled (event_id uuid PRIMARY KEY, handled_at timestamptz NOT NULL DEFAULT now())";

    public const string Claim = "INSERT INTO handled (event_id) VALUES ($1) ON CONFLICT DO NOTHING";
}
