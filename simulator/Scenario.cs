using Coordinator.Machines;
using Coordinator.Machines.Jobs;
using Coordinator.Simulator.World;

namespace Coordinator.Simulator;

/// <summary>Everything that a seed draws before the run: the cluster, the job, the timings, and the rates of the small faults.</summary>
internal sealed record Scenario
{
    public required int Nodes { get; init; }
    public required int GpusPerNode { get; init; }
    public required int ReducedBlocks { get; init; }
    public required int StateBlocks { get; init; }
    public required JobSpec Spec { get; init; }
    public JobId Job { get; } = new("job-1");

    /// <summary>Computing one shard on a gpu of ordinary speed.</summary>
    public required TimeSpan ShardTime { get; init; }
    public required TimeSpan ApplyTime { get; init; }
    public required TimeSpan MinLatency { get; init; }
    public required TimeSpan MaxLatency { get; init; }
    public required TimeSpan MaxDiskLatency { get; init; }

    /// <summary>How much a process's clock may be faster or slower than the world's time, as a share.</summary>
    public required double ClockSkew { get; init; }

    /// <summary>Probability that a message between grains is lost, while faults are on.</summary>
    public required double Loss { get; init; }

    /// <summary>Probability that a message between grains comes twice, while faults are on.</summary>
    public required double Duplication { get; init; }

    /// <summary>Probability that a message between grains takes up to fifty times as long, while faults are on.</summary>
    public required double Straggle { get; init; }

    /// <summary>Whether what the gateway tells a node's grain may be lost, repeated and reordered as well.</summary>
    public required bool LossyGateway { get; init; }

    /// <summary>How long a process takes to make a rank's program, longer than any answer may take; zero: no time.</summary>
    public TimeSpan SlowStart { get; init; }

    /// <summary>Whether control messages cross as JSON text, as they do in production, or as objects.</summary>
    public required bool Json { get; init; }

    /// <summary>Whether a grain takes its next message while an earlier turn's write is under way.</summary>
    public required bool Pipelined { get; init; }

    /// <summary>Whether writes that follow each other are one transaction.</summary>
    public required bool GroupWrites { get; init; }

    /// <summary>Whether messages between grains outlive the silo process, as they may where there are several.</summary>
    public required bool MessagesOutliveSilo { get; init; }

    /// <summary>Probability that a write fails, or that it is made and its acknowledgement lost, while faults are on.</summary>
    public required double WriteFailure { get; init; }

    /// <summary>Steps that every seed's job has at least.</summary>
    public const int MinSteps = 20;

    public long Steps => Spec.Training.Steps;

    /// <summary>Steps that the job is submitted with, where it is given the others later; 0: all of them.</summary>
    public long FirstSteps { get; init; }

    public long SubmittedSteps => FirstSteps > 0 ? FirstSteps : Steps;

    public JobSpec SubmittedSpec => Spec with { Training = Spec.Training with { Steps = SubmittedSteps } };

    public static Scenario Draw(Prng workload, Prng faults, bool withFaults)
    {
        var nodes = workload.Between(3, 6);
        var gpusPerNode = workload.Between(1, 2);
        var shards = workload.Pick([4, 8, 8, 16]);
        var reducedBlocks = workload.Between(1, 5);
        var gpus = nodes * gpusPerNode;
        var spare = gpus > 3 ? workload.Below(3) : 0;
        var ranks = Math.Max(1, Math.Min(shards, gpus - spare));
        var peerTimeout = workload.Between(TimeSpan.FromMilliseconds(150), TimeSpan.FromMilliseconds(600));
        var scenario = new Scenario
        {
            Nodes = nodes,
            GpusPerNode = gpusPerNode,
            ReducedBlocks = reducedBlocks,
            StateBlocks = Math.Max(1, (3 * reducedBlocks) - workload.Below(3)),
            ShardTime = workload.Between(TimeSpan.FromMilliseconds(0.5), TimeSpan.FromMilliseconds(8)),
            ApplyTime = workload.Between(TimeSpan.FromMilliseconds(0.2), TimeSpan.FromMilliseconds(8)),
            MinLatency = TimeSpan.FromMilliseconds(0.05),
            MaxLatency = workload.Between(TimeSpan.FromMilliseconds(0.2), TimeSpan.FromMilliseconds(4)),
            MaxDiskLatency = workload.Between(TimeSpan.FromMilliseconds(0.3), TimeSpan.FromMilliseconds(8)),
            Json = workload.Chance(0.25),
            Pipelined = workload.Chance(0.5),
            GroupWrites = workload.Chance(0.5),
            MessagesOutliveSilo = workload.Chance(0.5),
            ClockSkew = withFaults ? faults.Pick([0, 0.001, 0.05, 0.2]) : 0,
            Loss = withFaults ? faults.Pick([0, 0, 0.01, 0.05, 0.15]) : 0,
            Duplication = withFaults ? faults.Pick([0, 0, 0.02, 0.2]) : 0,
            Straggle = withFaults ? faults.Pick([0, 0.02, 0.2]) : 0,
            LossyGateway = withFaults && faults.Chance(0.4),
            WriteFailure = withFaults ? faults.Pick([0, 0, 0.01, 0.05]) : 0,
            Spec = new JobSpec
            {
                Name = "simulated",
                Ranks = ranks,
                MinRanks = workload.Between(1, Math.Min(2, ranks)),
                Model = new ModelSpec { Program = "linear", Channels = 16 },
                Training = new TrainingSpec
                {
                    Steps = workload.Between(MinSteps, 28),
                    BatchSize = shards,
                    Shards = shards,
                    MicroBatch = 1,
                    Seed = workload.Next() >> 12,
                },
                Collective = new CollectiveSpec { BlockElements = 16, WindowBlocks = workload.Between(1, 3) },
                FaultTolerance = new FaultToleranceSpec
                {
                    StartTimeout = workload.Between(TimeSpan.FromMilliseconds(100), TimeSpan.FromSeconds(1)),
                    AnswerTimeout = workload.Between(TimeSpan.FromMilliseconds(200), TimeSpan.FromSeconds(1)),
                    PeerTimeout = peerTimeout,
                    GatherDelay = TimeSpan.FromMilliseconds(30),
                    ProgressTimeout = workload.Between(TimeSpan.FromMilliseconds(500), TimeSpan.FromSeconds(2)),
                    StateTimeout = TimeSpan.FromSeconds(40),
                },
            },
        };

        // From bits that are drawn already, so that worlds without checkpoints, or without slow starts, stay as they are.
        var bits = scenario.Spec.Training.Seed / 4;
        if (withFaults && bits % 16 == 0)
            scenario = scenario with { SlowStart = scenario.Spec.FaultTolerance.AnswerTimeout * (1 + (bits / 16 % 4)) };
        return scenario with
        {
            Spec = scenario.Spec with
            {
                Checkpoint = new CheckpointSpec
                {
                    Interval = (scenario.Spec.Training.Seed % 4) switch { 0 => "off", 1 => "2", 2 => "5", _ => "300ms" },
                }
            }
        };
    }
}
