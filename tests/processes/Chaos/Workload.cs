using Coordinator.Machines.Jobs;
using Coordinator.Worker.Data;

namespace Coordinator.Tests.Processes.Chaos;

/// <summary>A job that is small enough to be trained many times in a test, and still has many blocks and owners.</summary>
public sealed record Workload(string Name, JobSpec Spec)
{
    private const string Text = "The quick brown fox jumps over the lazy dog; pack my box with five dozen liquor jugs. ";

    public static Workload Gpt { get; } = new("gpt", Small(
        new ModelSpec { Program = "gpt", Layers = 1, Heads = 2, Channels = 16, Block = 16 },
        steps: 14,
        blockElements: 512));

    /// <summary>
    /// Long enough that steps are recorded before the fault: a job without any record rightly begins again from the seed.
    /// </summary>
    public static Workload LongGpt { get; } = new("long gpt", Gpt.Spec with { Training = Gpt.Spec.Training with { Steps = 300 } });

    public static Workload GptWithDropout { get; } = new(
        "gpt with dropout", Gpt.Spec with { Model = Gpt.Spec.Model with { Channels = 32, Dropout = 0.1 } });

    public static Workload Linear { get; } = new(
        "linear", Small(new ModelSpec { Program = "linear", Channels = 96 }, steps: 20, blockElements: 16));

    /// <summary>More ranks than have threads of their own, and fewer blocks than ranks: most own no slice.</summary>
    public static Workload Wide { get; } = new(
        "wide linear", Linear.Spec with { Training = Linear.Spec.Training with { Shards = 64, BatchSize = 64 } });

    /// <summary>As many blocks as 64 ranks, so that each of them owns one and sends to all others.</summary>
    public static Workload Peers { get; } = new(
        "peers", Small(new ModelSpec { Program = "linear", Channels = (16 * 64) - 1 }, steps: 30, blockElements: 16) is var small
            ? small with { Training = small.Training with { Shards = 64, BatchSize = 64 } }
            : null!);

    public long Steps => Spec.Training.Steps;

    /// <summary>The spec for so many ranks, its data frozen into a folder.</summary>
    /// <returns>The spec and the frozen file; null for a program that needs none.</returns>
    public (JobSpec Spec, string? File) Freeze(string folder, int ranks, int minRanks)
    {
        var spec = Spec with { Ranks = ranks, MinRanks = minRanks };
        if (spec.Model.Program == "linear")
            return (spec, null);
        Directory.CreateDirectory(folder);
        var text = Path.Combine(folder, "text.txt");
        File.WriteAllText(text, string.Concat(Enumerable.Range(0, 60).Select(line => $"{line}. {Text}\n")));
        var store = Path.Combine(folder, "frozen");
        var data = new DataFreezer(store).Freeze(text, spec.Model);
        return (spec with { Data = data }, DataStore.PathOf(store, data.Sha256));
    }

    public override string ToString() => Name;

    private static JobSpec Small(ModelSpec model, long steps, int blockElements) => new()
    {
        Name = "chaos",
        Model = model,
        Training = new TrainingSpec { Steps = steps, BatchSize = 8, Shards = 8, MicroBatch = 1, Seed = 7 },
        Optimizer = new OptimizerSpec { LearningRate = 1e-2, WarmupSteps = 3 },
        Collective = new CollectiveSpec { BlockElements = blockElements, WindowBlocks = 2 },

        // A job that starts with fewer ranks than its schedule was written for would meet other faults.
        FaultTolerance = new FaultToleranceSpec { StartTimeout = TimeSpan.FromMinutes(5) },
    };
}
