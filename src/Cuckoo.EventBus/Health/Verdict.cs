using Microsoft.Extensions.Diagnostics.HealthChecks;

namespace Cuckoo.EventBus.Health;

/// <summary>Collects what is wrong, each in a sentence that says what a person should do. Not for concurrent use.</summary>
internal sealed class Verdict
{
    private readonly List<string> _problems = [];
    private HealthStatus _worst = HealthStatus.Healthy;

    public Dictionary<string, object> Data { get; } = new(StringComparer.Ordinal);

    /// <summary>Handling suffers, and goes on by itself or as somebody wants it: the service still gets requests.</summary>
    public void Degraded(string problem) => Add(HealthStatus.Degraded, problem);

    /// <summary>Something does not work until a person acts.</summary>
    public void Unhealthy(string problem) => Add(HealthStatus.Unhealthy, problem);

    public HealthCheckResult Result() => new(_worst, _problems.Count == 0 ? null : string.Join(" ", _problems), data: Data);

    private void Add(HealthStatus status, string problem)
    {
        // The smaller one is the worse one.
        _worst = status < _worst ? status : _worst;
        _problems.Add(problem);
    }
}
