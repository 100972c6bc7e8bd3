namespace Cuckoo.EventBus.Telemetry;

/// <summary>Tag values that come from outside: the first hundred are themselves, all later ones are one, since each costs a time series.</summary>
internal sealed class BoundedTagValues
{
    private const int Count = 100;
    private const int Length = 200;
    private const string Other = "other";

    private readonly Lock _lock = new();
    private readonly HashSet<string> _known = new(StringComparer.Ordinal);

    public string Bound(string value)
    {
        if (value.Length > Length)
        {
            return Other;
        }

        lock (_lock)
        {
            return _known.Contains(value) || (_known.Count < Count && _known.Add(value)) ? value : Other;
        }
    }
}
