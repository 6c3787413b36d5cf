using Coordinator.Conformance;
using Coordinator.Machines;
using Coordinator.Simulator;

namespace Coordinator.Tests.Conformance;

/// <summary>The simulator's silo, with nothing going wrong but what a transcript asks for.</summary>
internal sealed class SimulatorUnderTest : IConformanceEngine
{
    private readonly VirtualSilo silo;
    private List<SendToWorker> sent = [];

    public SimulatorUnderTest(EngineSetup setup, VirtualSiloOptions? options = null)
    {
        options ??= new VirtualSiloOptions();
        if (setup.Hostility is { } hostility)
        {
            options = options with
            {
                Seed = hostility.Seed,
                Loss = hostility.Loss,
                Repeat = hostility.Repeat,
                Straggle = hostility.Reorder,
            };
        }
        silo = new VirtualSilo(options, send => sent.Add(send));
    }

    public static Task<IConformanceEngine> Begin(EngineSetup setup) => Task.FromResult<IConformanceEngine>(new SimulatorUnderTest(setup));

    public static Task<IConformanceEngine> BeginPipelined(EngineSetup setup) =>
        Task.FromResult<IConformanceEngine>(new SimulatorUnderTest(setup, new VirtualSiloOptions { Pipelined = true }));

    public Task PostAsync(GrainAddress to, GrainMessage message) => Do(() => silo.Tell(to, message));

    public Task SettleAsync() => Do(silo.Settle);

    public Task<TimeSpan> AdvanceAsync(TimeSpan atMost) => Task.FromResult(silo.Advance(atMost));

    public Task KillAsync() => Do(silo.Restart);

    // A held write and one that is tried again and again differ for a store, not for a disk.
    public Task SetStorageAsync(StorageMode mode) => Do(() => silo.SetDisk(mode != StorageMode.Well));

    public Task FailNextWriteAsync(WriteFault fault) =>
        Do(() => silo.LeaveNextWriteUnanswered(made: fault == WriteFault.AcknowledgementLost));

    public Task WriteAsAnotherAsync(GrainAddress grain, PersistState state) => Do(() => silo.WriteAsAnother(grain, state));

    public Task<PersistState?> ReadStateAsync(GrainAddress grain) => Task.FromResult(silo.Stored(grain));

    public Task<IReadOnlyList<CoordinatorEvent>> ReadEventsAsync() => Task.FromResult(silo.Events);

    public Task<IReadOnlyList<StepRecord>> ReadStepsAsync(JobId job) => Task.FromResult(silo.StepsOf(job));

    public Task<string?> DescribeAsync(GrainAddress grain) => Task.FromResult(silo.Describe(grain));

    public IReadOnlyList<SendToWorker> TakeSent()
    {
        var taken = sent;
        sent = [];
        return taken;
    }

    public ValueTask DisposeAsync() => ValueTask.CompletedTask;

    private static Task Do(Action action)
    {
        action();
        return Task.CompletedTask;
    }
}
