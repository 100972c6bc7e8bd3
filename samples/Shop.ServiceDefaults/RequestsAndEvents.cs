using System.Diagnostics;
using OpenTelemetry.Trace;

namespace Shop.ServiceDefaults;

/// <summary>
/// What may begin a trace: a request, or an event. A relay that looks into its outbox once a second would be most of what a
/// trace store holds, and nobody looks for it there.
/// </summary>
internal sealed class RequestsAndEvents(Sampler sampler) : Sampler
{
    public override SamplingResult ShouldSample(in SamplingParameters samplingParameters) => samplingParameters.Kind switch
    {
        ActivityKind.Server or ActivityKind.Consumer or ActivityKind.Producer => sampler.ShouldSample(samplingParameters),
        _ => new SamplingResult(SamplingDecision.Drop),
    };
}
