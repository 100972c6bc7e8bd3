namespace Shop.Demo;

/// <summary>One run of the demo, kept beside the services' databases so that it can be resumed.</summary>
internal sealed class Run
{
    /// <summary>Part of the topics' and groups' names: a run on a cluster sees nothing of the ones before it.</summary>
    public required string Id { get; set; }

    public int Orders { get; set; }

    public string Prefix => $"demo-{Id}.";
}
