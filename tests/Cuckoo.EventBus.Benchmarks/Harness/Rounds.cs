namespace Cuckoo.EventBus.Benchmarks.Harness;

/// <summary>The figures of both sides, round by round.</summary>
internal sealed record Rounds(IReadOnlyList<double> Ours, IReadOnlyList<double> Limit)
{
    /// <summary>Both sides in turn; who begins changes, so that neither always finds the machine as the other left it.</summary>
    public static async Task<(List<T> Ours, List<T> Limit)> AlternateAsync<T>(Bench bench, Func<Task<T>> ours, Func<Task<T>> limit)
    {
        var (us, them) = (new List<T>(), new List<T>());
        for (var round = 0; round < bench.Options.Rounds; round++)
        {
            foreach (var isOurs in round % 2 == 0 ? new[] { true, false } : [false, true])
            {
                var figure = await (isOurs ? ours() : limit());
                (isOurs ? us : them).Add(figure);
                Bench.Say($"round {round + 1}, {(isOurs ? "ours" : "limit")}: {figure}");
            }
        }

        return (us, them);
    }

    public static Rounds Of<T>((List<T> Ours, List<T> Limit) rounds, Func<T, double> figure) =>
        new([.. rounds.Ours.Select(figure)], [.. rounds.Limit.Select(figure)]);
}
