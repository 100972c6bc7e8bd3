namespace Shop.Demo;

/// <summary>The events that stand in the topics, read back at the end.</summary>
internal sealed class TopicContents
{
    private readonly Dictionary<string, HashSet<string>> _idsByService = [];
    private readonly Dictionary<string, HashSet<string>> _idsByType = [];

    private TopicContents()
    {
    }

    public int Records { get; private set; }

    public int Repeats { get; private set; }

    public static TopicContents Read(Topics topics, Run run)
    {
        var contents = new TopicContents();
        foreach (var record in topics.ReadAll(Flow.Topics))
        {
            var headers = record.Message.Headers;
            var id = Topics.Header(headers, "ce_id") ?? "";
            var source = Topics.Header(headers, "ce_source") ?? "";
            contents.Records++;
            contents.Repeats += Topics.Header(headers, Topics.RepeatHeader) is null ? 0 : 1;
            Add(contents._idsByService, source.StartsWith(run.Prefix, StringComparison.Ordinal) ? source[run.Prefix.Length..] : source, id);
            Add(contents._idsByType, Topics.Header(headers, "ce_type") ?? "", id);
        }

        return contents;
    }

    /// <summary>How many different events a service has published.</summary>
    public int PublishedBy(string service) => _idsByService.GetValueOrDefault(service)?.Count ?? 0;

    /// <summary>How many different events there are for a service.</summary>
    public int MeantFor(string service) => Flow.Handles[service].Values.SelectMany(types => types).Sum(type => _idsByType.GetValueOrDefault(type)?.Count ?? 0);

    private static void Add(Dictionary<string, HashSet<string>> ids, string name, string id)
    {
        if (!ids.TryGetValue(name, out var set))
        {
            ids.Add(name, set = []);
        }

        set.Add(id);
    }
}
