using Coordinator.Conformance;
using Coordinator.Machines;
using Coordinator.Simulator;

namespace Coordinator.Tests.Conformance;

/// <summary>Engines with one fence taken down each.</summary>
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

    private static readonly SortedDictionary<string, EmbeddedFences> Embedded = new(StringComparer.Ordinal)
    {
        ["refuses no write"] = new() { Store = inner => new YesStore(inner) },
        ["acknowledges before it is durable"] = new() { Store = inner => new EarlyStore(inner) },
        ["takes unacknowledged for refused"] = new() { Store = inner => new HastyStore(inner) },
        ["does not know its own batch"] = new() { Store = inner => new RepeatingStore(inner) },
        ["stores what a refused turn observed"] = new() { Store = inner => new TalkativeStore(inner) },
        ["does not wait for storage"] = new() { Store = inner => new ImpatientStore(inner) },
        ["stores states alone"] = new() { Store = inner => new StateOnlyStore(inner) },
    };

    private static readonly SortedDictionary<string, PlantedBug> Simulated = new(StringComparer.Ordinal)
    {
        ["sends before it persists"] = PlantedBug.SendBeforePersist,
        ["syncs not"] = PlantedBug.UnsyncedPersist,
        ["writes over another"] = PlantedBug.WriteOverAnother,
        ["records a step twice"] = PlantedBug.StepRecordedTwice,
        ["drops a step"] = PlantedBug.StepNotRecorded,
    };

    /// <summary>Engine and fence, as in <c>embedded: wakes nobody</c>.</summary>
    public static IEnumerable<string> Names =>
    [
        .. Machines.Keys.Concat(Embedded.Keys).Select(name => $"embedded: {name}"),
        .. Machines.Keys.Concat(Simulated.Keys).Select(name => $"simulator: {name}"),
    ];

    public static Func<EngineSetup, Task<IConformanceEngine>> Find(string name) => name.Split(": ") switch
    {
        ["embedded", var fence] => setup => Start(new EmbeddedUnderTest(setup, Machines.TryGetValue(fence, out var machines) ? new EmbeddedFences { Machines = machines } : Embedded[fence])),
        [_, var fence] => setup => Start(new SimulatorUnderTest(setup, Machines.TryGetValue(fence, out var machines) ? new VirtualSiloOptions { Machines = machines } : new VirtualSiloOptions { Plant = Simulated[fence] })),
        _ => throw new ArgumentException($"there is no engine '{name}'", nameof(name)),
    };

    private static Task<IConformanceEngine> Start(IConformanceEngine engine) => Task.FromResult(engine);
}
