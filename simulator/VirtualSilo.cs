using Coordinator.Machines;
using Coordinator.Machines.Jobs;
using Coordinator.Simulator.Checks;
using Coordinator.Simulator.Silo;
using Coordinator.Simulator.Workers;
using Coordinator.Simulator.World;

namespace Coordinator.Simulator;

/// <summary>
/// The simulator's silo alone, without simulated workers: messages are handed in, what is sent to workers comes out, and time passes when
/// its owner says so. For tests that hold all engines to the same rules.
/// </summary>
public sealed class VirtualSilo
{
    /// <summary>Checks that compare with a toy model's run, or that a transcript makes itself.</summary>
    private static readonly SortedSet<string> Unchecked = new(StringComparer.Ordinal)
    {
        Invariants.PersistBeforeSend, Invariants.AcknowledgedIsDurable, Invariants.WritesAscend, Invariants.OneMembershipPerGeneration,
        Invariants.PlansAgree,
        Invariants.RecordedOnce, Invariants.FinalModel, Invariants.JobSound,
    };

    private const long MaxEvents = 100_000;

    private readonly VirtualWorld world;
    private readonly SiloProcess silo;
    private readonly List<CoordinatorEvent> events = [];
    private readonly List<(JobId Job, StepRecord Step)> steps = [];

    /// <summary>A silo that has just started over an empty disk.</summary>
    public VirtualSilo(VirtualSiloOptions options, Action<SendToWorker> send)
    {
        world = new VirtualWorld(options.Seed, new SimulationOptions { Plant = options.Plant, WithoutChecks = Unchecked });
        var scenario = Quiet(options);
        var model = new ToyModel(1, scenario.Spec.Training.Shards, scenario.ReducedBlocks, scenario.StateBlocks);
        var checkers = new Checkers(world.Options, scenario, model);
        silo = new SiloProcess(world, scenario, checkers, options.Machines)
        {
            Disk = new SimulatedDisk(world, scenario, checkers) { OnEvent = events.Add },
            WorkerSink = send,
            Lossy = options is not { Loss: 0, Repeat: 0, Straggle: 0 },
        };
        silo.Disk.Steps.OnStored = (job, step) => steps.Add((job, step));
        silo.Start();
    }

    /// <summary>Durable events, in order.</summary>
    public IReadOnlyList<CoordinatorEvent> Events => events;

    /// <summary>Durable steps of a job, in the order in which they were stored.</summary>
    public IReadOnlyList<StepRecord> StepsOf(JobId job) => [.. steps.Where(row => row.Job == job).Select(row => row.Step)];

    /// <summary>Hands in a message from outside.</summary>
    public void Tell(GrainAddress grain, GrainMessage message) => silo.Tell(grain, message);

    /// <summary>The grain's view, for one that is not loaded from what is stored; null where there is neither.</summary>
    public string? Describe(GrainAddress grain) =>
        silo.Describe(grain) ?? (silo.Disk.Load(grain) is { } stored ? silo.Machines(grain, stored.StateJson).Describe(silo.Clock) : null);

    /// <summary>The grain's durable state, or null.</summary>
    public PersistState? Stored(GrainAddress grain) =>
        silo.Disk.Load(grain) is { } stored ? new PersistState(stored.StateJson, stored.Incarnation, stored.Sequence) : null;

    /// <summary>Lets what is under way arrive, which takes a little time; what waits for the disk to come back stays.</summary>
    /// <exception cref="InvalidOperationException">It takes no end.</exception>
    public void Settle()
    {
        var limit = world.Events + MaxEvents;
        while (world.UnderWay > 0 && world.Step(TimeSpan.MaxValue))
        {
            if (world.Events > limit)
                throw new InvalidOperationException($"{MaxEvents} events without an end: the grains talk in a circle");
        }
    }

    /// <summary>
    /// Lets time pass until a machine has had a turn because of it, or something is under way, at most <paramref name="atMost"/>.
    /// </summary>
    /// <returns>The time that passed.</returns>
    public TimeSpan Advance(TimeSpan atMost)
    {
        var (start, turns, over) = (world.Now, silo.Turns, false);
        world.Schedule(atMost, () => over = true);
        while (!over && silo.Turns == turns && world.UnderWay == 0 && world.Step(TimeSpan.MaxValue))
        {
        }

        Settle();
        return world.Now - start;
    }

    /// <summary>The machine dies, with what was not synced, and another silo starts over its disk.</summary>
    public void Restart()
    {
        silo.Crash(UnsyncedTail.Lost);
        silo.Start();
    }

    /// <summary>Whether the disk answers.</summary>
    public void SetDisk(bool away)
    {
        if (away)
            silo.Disk.GoAway();
        else if (silo.Disk.Away)
            silo.Disk.ComeBack();
    }

    /// <summary>The disk does not answer the next write, which it makes or not.</summary>
    public void LeaveNextWriteUnanswered(bool made) => silo.Disk.Next = made ? NextWrite.Unacknowledged : NextWrite.Lost;

    /// <summary>Another writer's state, past the silo.</summary>
    public void WriteAsAnother(GrainAddress grain, PersistState state) =>
        silo.Disk.WriteAsAnother(grain, new StoredGrain(state.StateJson, state.Incarnation, state.Sequence));

    /// <summary>Nothing but what the options ask for goes wrong.</summary>
    private static Scenario Quiet(VirtualSiloOptions options) => new()
    {
        Nodes = 0,
        GpusPerNode = 0,
        ReducedBlocks = 1,
        StateBlocks = 1,
        Spec = new JobSpec { Training = new TrainingSpec { Steps = 1, Shards = 4 } },
        ShardTime = TimeSpan.FromMilliseconds(1),
        ApplyTime = TimeSpan.FromMilliseconds(1),
        MinLatency = TimeSpan.FromMilliseconds(0.05),
        MaxLatency = TimeSpan.FromMilliseconds(0.05),
        MaxDiskLatency = TimeSpan.FromMilliseconds(0.2),
        ClockSkew = 0,
        Loss = options.Loss,
        Duplication = options.Repeat,
        Straggle = options.Straggle,
        LossyGateway = false,
        Json = true,
        Pipelined = options.Pipelined,
        GroupWrites = options.Pipelined,
        MessagesOutliveSilo = false,
        WriteFailure = 0,
    };
}

/// <summary>What may be chosen about a <see cref="VirtualSilo"/>.</summary>
public sealed record VirtualSiloOptions
{
    /// <summary>Builds the machines. Default: the real ones.</summary>
    public Func<GrainAddress, string?, IMachine> Machines { get; init; } = MachineFactory.Create;

    /// <summary>Root of the random choices.</summary>
    public ulong Seed { get; init; } = 1;

    /// <summary>A bug of the silo or its disk. Default: none.</summary>
    public PlantedBug Plant { get; init; }

    /// <summary>
    /// Whether a grain takes its next message while an earlier turn's write is under way, and writes that follow each other are one.
    /// </summary>
    public bool Pipelined { get; init; }

    /// <summary>Probability that a message between grains is lost.</summary>
    public double Loss { get; init; }

    /// <summary>Probability that a message between grains comes twice.</summary>
    public double Repeat { get; init; }

    /// <summary>Probability that a message between grains takes up to five hundred times as long.</summary>
    public double Straggle { get; init; }
}
