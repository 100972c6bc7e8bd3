using Microsoft.Extensions.Diagnostics.HealthChecks;

namespace Cuckoo.EventBus.Health;

/// <summary>Collects what is wrong, each in a sentence that says what a person should do. Not for concurrent use.</summary>
internal sealed class Verdict
{
    /// <summary>The data under this name are the same sentences, one by one.</summary>
    public const string WhatToDo = "what to do";

    private readonly List<string> _problems = [];
    private HealthStatus _worst = HealthStatus.Healthy;
    private Exception? _exception;

    public Dictionary<string, object> Data { get; } = new(StringComparer.Ordinal);

    /// <summary>Handling suffers, and goes on by itself or as somebody wants it: the service still gets requests.</summary>
    public void Degraded(string problem) => Add(HealthStatus.Degraded, problem);

    /// <summary>Something does not work until a person acts.</summary>
    public void Unhealthy(string problem) => Add(HealthStatus.Unhealthy, problem);

    /// <summary>A limit is passed, the one or the other.</summary>
    public void Beyond(bool isUnhealthy, string problem) => Add(isUnhealthy ? HealthStatus.Unhealthy : HealthStatus.Degraded, problem);

    /// <summary>A database does not answer.</summary>
    public void Unreadable(string what, Exception exception)
    {
        _exception ??= exception;
        Unhealthy($"{what} can't be read: look whether the database runs, and at the network, the rights and the connection string.");
    }

    public HealthCheckResult Result()
    {
        if (_problems.Count > 0)
        {
            Data[WhatToDo] = _problems;
        }

        return new(_worst, _problems.Count == 0 ? null : string.Join(" ", _problems), _exception, Data);
    }

    private void Add(HealthStatus status, string problem)
    {
        // The smaller one is the worse one.
        _worst = status < _worst ? status : _worst;
        _problems.Add(problem);
    }
}
