using System.Diagnostics;
using OpenTelemetry.Trace;

namespace Shop.ServiceDefaults;

/// <summary>
/// What may begin a trace: somebody's request, or an event. A relay that looks into its outbox once a second and a probe that
/// asks for the service's health would be most of what a trace store holds, and nobody looks for them there.
/// </summary>
internal sealed class RequestsAndEvents(Sampler sampler) : Sampler
{
    public override SamplingResult ShouldSample(in SamplingParameters samplingParameters) => samplingParameters.Kind switch
    {
        ActivityKind.Consumer or ActivityKind.Producer => sampler.ShouldSample(samplingParameters),
        ActivityKind.Server when !IsProbe(samplingParameters.Tags) => sampler.ShouldSample(samplingParameters),
        _ => new SamplingResult(SamplingDecision.Drop),
    };

    private static bool IsProbe(IEnumerable<KeyValuePair<string, object?>>? tags) =>
        (tags ?? []).Any(tag => tag.Key == "url.path" && tag.Value is string path && path.StartsWith(ShopHealth.Path, StringComparison.Ordinal));
}
