using Coordinator.Machines.Jobs;
using Coordinator.Runs.Faults;

namespace Coordinator.Lab.Chaos;

/// <summary>
/// What is trained, and how a seed decides who is hit when. The job is small; its length follows from the machine's pace, so that a
/// fault of seconds lies inside it on any machine.
/// </summary>
/// <param name="Seed">Seed of training and draws.</param>
/// <param name="Steps">Steps of the job.</param>
public sealed record ChaosPlan(ulong Seed, long Steps)
{
    /// <summary>Steps between checkpoints.</summary>
    public const long Interval = 100;

    /// <summary>Steps of a job of <see cref="ChaosLength.Short"/>, by which the pace is measured.</summary>
    public const long ShortSteps = 800;

    private static readonly TimeSpan LongTime = TimeSpan.FromSeconds(20);
    private static readonly TimeSpan LongestTime = TimeSpan.FromSeconds(70);
    private const long MostSteps = 100_000;

    /// <summary>
    /// Steps of a job of so long a time, whole hundreds, at a pace of so many milliseconds a step; never shorter than a short one.
    /// </summary>
    public static long StepsFor(ChaosLength length, double stepMs) => length switch
    {
        ChaosLength.Long => StepsIn(LongTime, stepMs),
        ChaosLength.Longest => StepsIn(LongestTime, stepMs),
        _ => ShortSteps,
    };

    /// <summary>The job, before its data is frozen.</summary>
    public static JobSpec Job(ulong seed, long steps, int workers) => new()
    {
        Name = "chaos",
        Ranks = workers,
        Model = new ModelSpec { Layers = 1, Heads = 2, Channels = 48, Block = 48 },
        Training = new TrainingSpec { Steps = steps, BatchSize = 8, Shards = 8, MicroBatch = 1, Seed = seed },
        Optimizer = new OptimizerSpec { LearningRate = 2e-3, MinLearningRate = 2e-4, WarmupSteps = 50 },
        Collective = new CollectiveSpec { BlockElements = 2048 },
        Checkpoint = new CheckpointSpec { Interval = $"{Interval}", KeepLatest = 3 },
        FaultTolerance = new FaultToleranceSpec { StartTimeout = TimeSpan.FromMinutes(2), PeerTimeout = TimeSpan.FromSeconds(1) },
    };

    /// <summary>Text to train on: the same of each seed everywhere.</summary>
    public static string Text(ulong seed)
    {
        string[] words =
        [
            "rank", "step", "shard", "silo", "grain", "worker", "the", "of", "and", "is", "was", "frozen", "killed", "cut", "healed",
            "again",
        ];
        var draw = new SeededDraw(seed);
        return string.Join(' ', Enumerable.Range(0, 20_000).Select(_ => words[draw.Below(words.Length)]));
    }

    /// <summary>A draw of this scenario's own, the same of each seed.</summary>
    public SeededDraw Draw(string scenario)
    {
        // FNV-1a, since a string's own hash code differs from process to process.
        var hash = 14695981039346656037;
        foreach (var letter in scenario)
            hash = (hash ^ letter) * 1099511628211;
        return new SeededDraw(Seed ^ hash);
    }

    /// <summary>The step at a fraction of the job.</summary>
    public long At(double fraction) => Math.Clamp((long)(Steps * fraction), 1, Steps - 1);

    private static long StepsIn(TimeSpan time, double stepMs) =>
        Math.Clamp((long)(time.TotalMilliseconds / Math.Max(0.1, stepMs)) / 100 * 100, ShortSteps, MostSteps);
}
