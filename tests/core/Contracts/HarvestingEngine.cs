using Coordinator.Conformance;
using Coordinator.Machines;

namespace Coordinator.Tests.Contracts;

/// <summary>Another engine, and whoever wants to see what goes in and comes out.</summary>
internal sealed class HarvestingEngine(IConformanceEngine inner, Action<object> seen) : IConformanceEngine
{
    private int told;

    public TranscriptStorage Storage => inner.Storage;

    public IReadOnlyList<Told> Told => inner.Told;

    public Task PostAsync(GrainAddress to, GrainMessage message)
    {
        seen(message);
        return inner.PostAsync(to, message);
    }

    public async Task SettleAsync()
    {
        await inner.SettleAsync();
        for (; told < inner.Told.Count; told++)
            seen(inner.Told[told].Message);
    }

    public Task AdvanceAsync(TimeSpan time) => inner.AdvanceAsync(time);

    public Task KillAsync() => inner.KillAsync();

    public void Disturb(ulong seed, double probability) => inner.Disturb(seed, probability);

    public Task<string?> DescribeAsync(GrainAddress grain) => inner.DescribeAsync(grain);

    public ValueTask DisposeAsync() => inner.DisposeAsync();
}
