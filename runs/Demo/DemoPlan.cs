using Coordinator.Machines.Jobs;

namespace Coordinator.Runs.Demo;

/// <summary>
/// What the demo trains: chosen for the most legible text in under three minutes for both runs, on two cores. At equal computing,
/// fewer layers and more steps won: 4 layers ended at a loss of 1.65 nats a byte, 3 at 1.54, 2 at 1.34.
/// </summary>
public static class DemoPlan
{
    /// <summary>Worker processes, one rank each.</summary>
    public const int Workers = 4;

    /// <summary>The job, before its data is frozen.</summary>
    /// <param name="seed">Seed of training and of the kills.</param>
    /// <param name="quick">A model and a length for a test: seconds, and no legible text.</param>
    /// <param name="silos">Silos that the schedule of kills is drawn for.</param>
    /// <param name="steps">Steps where the plan's are too many; null: the plan's.</param>
    public static JobSpec Job(ulong seed, bool quick, int silos = 1, long? steps = null)
    {
        // A step waits for the blow before it, and a blow for its victims to be back: on a slow machine that is no standstill.
        var job = Planned(
            seed, quick, silos) with
        { FaultTolerance = new FaultToleranceSpec { ProgressTimeout = TimeSpan.FromMinutes(2) } };
        return steps is not { } fewer ? job : job with
        {
            Training = job.Training with { Steps = fewer },
            Optimizer = job.Optimizer with { WarmupSteps = Math.Min(job.Optimizer.WarmupSteps, fewer / 4) },
        };
    }

    private static JobSpec Planned(ulong seed, bool quick, int silos) => quick
        ? new JobSpec
        {
            Name = "demo",
            Ranks = Workers,
            Model = new ModelSpec { Layers = 1, Heads = 2, Channels = 32, Block = 32 },

            // A step takes 5 ms here, and a silo that dies takes seconds to come back: they must not be the rest of the run.
            Training = new TrainingSpec { Steps = silos > 1 ? 3000 : 1500, BatchSize = 8, Shards = 8, MicroBatch = 1, Seed = seed },
            Optimizer = new OptimizerSpec { LearningRate = 2e-3, MinLearningRate = 2e-4, WarmupSteps = 50 },
            Collective = new CollectiveSpec { BlockElements = 1024 },
        }
        : new JobSpec
        {
            Name = "demo",
            Ranks = Workers,
            Model = new ModelSpec { Layers = 2, Heads = 4, Channels = 128, Block = 64 },
            Training = new TrainingSpec { Steps = 1500, BatchSize = 16, Shards = 8, MicroBatch = 2, Seed = seed },
            Optimizer = new OptimizerSpec { LearningRate = 5e-3, MinLearningRate = 3e-4, WarmupSteps = 60 },
        };
}
