using Coordinator.Conformance;
using Coordinator.Machines;
using Coordinator.Tests.Conformance;

namespace Coordinator.Tests.Contracts;

/// <summary>The embedded engine, and whoever wants to see what goes into its machines, what comes out for workers, and what is stored.</summary>
internal sealed class HarvestingEngine(EngineSetup setup, Action<object> seen, Action<PersistState, GrainKind> stored) : IConformanceEngine
{
    private readonly EmbeddedUnderTest inner = new(setup, new EmbeddedFences
    {
        Machines = (address, state) => new Listening(MachineFactory.Create(address, state), seen, stored),
    });

    public Task PostAsync(GrainAddress to, GrainMessage message) => inner.PostAsync(to, message);

    public Task SettleAsync() => inner.SettleAsync();

    public Task<TimeSpan> AdvanceAsync(TimeSpan atMost) => inner.AdvanceAsync(atMost);

    public Task KillAsync() => inner.KillAsync();

    public Task SetStorageAsync(StorageMode mode) => inner.SetStorageAsync(mode);

    public Task FailNextWriteAsync(WriteFault fault) => inner.FailNextWriteAsync(fault);

    public Task WriteAsAnotherAsync(GrainAddress grain, PersistState state) => inner.WriteAsAnotherAsync(grain, state);

    public Task<PersistState?> ReadStateAsync(GrainAddress grain) => inner.ReadStateAsync(grain);

    public Task<IReadOnlyList<CoordinatorEvent>> ReadEventsAsync() => inner.ReadEventsAsync();

    public Task<IReadOnlyList<StepRecord>> ReadStepsAsync(JobId job) => inner.ReadStepsAsync(job);

    public Task<string?> DescribeAsync(GrainAddress grain) => inner.DescribeAsync(grain);

    public IReadOnlyList<SendToWorker> TakeSent()
    {
        var sent = inner.TakeSent();
        foreach (var send in sent)
            seen(send.Message);
        return sent;
    }

    public ValueTask DisposeAsync() => inner.DisposeAsync();

    private sealed class Listening(IMachine inner, Action<object> heard, Action<PersistState, GrainKind> stored) : IMachine
    {
        public GrainAddress Address => inner.Address;

        public TimeSpan? NextDeadline => inner.NextDeadline;

        public void Handle(TimeSpan now, GrainMessage message, Outputs outputs)
        {
            heard(message);
            inner.Handle(now, message, outputs);
            foreach (var state in outputs.Items.OfType<PersistState>())
                stored(state, Address.Kind);
        }

        public string Describe(TimeSpan now) => inner.Describe(now);
    }
}
