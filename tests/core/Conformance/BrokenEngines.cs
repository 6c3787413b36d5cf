using Coordinator.Conformance;
using Coordinator.Machines;
using Coordinator.Simulator;

namespace Coordinator.Tests.Conformance;

/// <summary>The simulator's silo with one fence taken down each.</summary>
internal static class BrokenEngines
{
    private static readonly SortedDictionary<string, Func<GrainAddress, string?, IMachine>> Machines = new(StringComparer.Ordinal)
    {
        ["hands out Activated late"] = BrokenMachines.ActivatedLate,
        ["hands out no Activated"] = BrokenMachines.NotActivated,
        ["wakes nobody"] = BrokenMachines.Asleep,
        ["lets time jump after a load"] = BrokenMachines.Sleepless,
        ["loads nothing"] = BrokenMachines.LoadedEmpty,
        ["carries outputs out backwards"] = BrokenMachines.Backwards,
        ["loses every order"] = BrokenMachines.HalfMute,
        ["sends twice to workers"] = BrokenMachines.Stuttering,
        ["stores no observations"] = BrokenMachines.Unobserved,
        ["drops activations"] = BrokenMachines.Forgetful,
    };

    private static readonly SortedDictionary<string, PlantedBug> Simulated = new(StringComparer.Ordinal)
    {
        ["sends before it persists"] = PlantedBug.SendBeforePersist,
        ["syncs not"] = PlantedBug.UnsyncedPersist,
        ["writes over another"] = PlantedBug.WriteOverAnother,
        ["records a step twice"] = PlantedBug.StepRecordedTwice,
        ["drops a step"] = PlantedBug.StepNotRecorded,
    };

    /// <summary>Fences that can be taken down.</summary>
    public static IEnumerable<string> Names => Machines.Keys.Concat(Simulated.Keys);

    public static Func<EngineSetup, Task<IConformanceEngine>> Find(string fence) => setup => Task.FromResult<IConformanceEngine>(
        new SimulatorUnderTest(
            setup,
            Machines.TryGetValue(fence, out var machines)
                ? new VirtualSiloOptions { Machines = machines }
                : new VirtualSiloOptions { Plant = Simulated[fence] }));
}
