using System.Reflection;
using Coordinator.Conformance;
using Coordinator.Machines;
using Coordinator.Simulator;

namespace Coordinator.Tests.Conformance;

/// <summary>The simulator's silo, alone in a virtual world: the transcript is the workers.</summary>
public sealed class SimulatorConformanceEngine : IConformanceEngine
{
    /// <summary>Longer than anything takes on the simulated network and disk, shorter than any deadline.</summary>
    private static readonly TimeSpan Latencies = TimeSpan.FromMilliseconds(2);

    private readonly List<Told> told = [];
    private readonly VirtualWorld world;
    private readonly SiloProcess silo;
    private TimeSpan now;
    private double probability;

    /// <param name="storage">Storage to begin with.</param>
    /// <param name="sendsEarly">Negative control: sends do not wait for the writes before them.</param>
    public SimulatorConformanceEngine(TranscriptStorage storage, bool sendsEarly = false)
    {
        Storage = storage;
        var everything = typeof(Invariants).GetFields(BindingFlags.Public | BindingFlags.Static).Select(field => field.GetValue(null)).OfType<string>().ToHashSet();
        var options = new SimulationOptions { WithoutChecks = everything, Plant = sendsEarly ? PlantedBug.SendBeforePersist : PlantedBug.None };
        world = new VirtualWorld(1, options);
        var scenario = Scenario.Draw(Prng.Derive(1, "workload"), Prng.Derive(1, "faults"), withFaults: false) with
        {
            MaxLatency = TimeSpan.FromMilliseconds(0.5),
            MaxDiskLatency = TimeSpan.FromMilliseconds(0.5),
        };
        var model = new ToyModel(1, scenario.Spec.Training.Shards, scenario.ReducedBlocks, scenario.StateBlocks);
        silo = new SiloProcess(world, scenario, new Checkers(options, scenario, model), MachineFactory.Create)
        {
            Tap = (node, message) => told.Add(new Told(node, message)),
            Rate = () => probability,
        };
        silo.Disk.Tap = Storage.Write;
        silo.Disk.Fate = FateOf;
        storage.Changed += Changed;
        silo.Start();
    }

    public TranscriptStorage Storage { get; }

    public IReadOnlyList<Told> Told => told;

    public Task PostAsync(GrainAddress to, GrainMessage message)
    {
        silo.Tell(to, message);
        return Task.CompletedTask;
    }

    public Task SettleAsync()
    {
        // Rest is a gap that is longer than any latency.
        while (world.Step(world.Now + Latencies))
        {
        }

        now = now > world.Now ? now : world.Now;
        return Task.CompletedTask;
    }

    public Task AdvanceAsync(TimeSpan time)
    {
        now += time;
        while (world.Step(now))
        {
        }

        return Task.CompletedTask;
    }

    public Task KillAsync()
    {
        silo.Crash();
        silo.Start();
        return Task.CompletedTask;
    }

    public void Disturb(ulong seed, double probability) => this.probability = probability;

    public Task<string?> DescribeAsync(GrainAddress grain) => Task.FromResult(silo.Describe(grain));

    public ValueTask DisposeAsync() => ValueTask.CompletedTask;

    private WriteFate FateOf(GrainAddress grain, IReadOnlyList<Output> outputs)
    {
        var state = outputs.OfType<PersistState>().LastOrDefault();
        switch (Storage.FateOf(grain, state))
        {
            case Fate.Done:
                return WriteFate.Done;
            case Fate.AcknowledgementLost:
                return WriteFate.AcknowledgementLost;
            case Fate.Refused:
                var other = Storage.Find(grain)!;
                silo.Disk.Put(grain, new StoredGrain(other.Json, other.Incarnation, other.Sequence));
                return WriteFate.Refused;
            default:
                return WriteFate.Held;
        }
    }

    private void Changed()
    {
        silo.Disk.GoAway();
        silo.Disk.ComeBack();
    }
}
