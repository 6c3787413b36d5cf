using System.CommandLine;
using System.Globalization;
using Coordinator.Machines.Jobs;

namespace Coordinator.Bench;

/// <summary>What the quality bench is asked for.</summary>
internal sealed record QualityOptions
{
    /// <summary>The text; its first nine tenths are trained on.</summary>
    public string Data { get; private init; } = "";

    /// <summary>Worker processes of each run.</summary>
    public IReadOnlyList<int> Workers { get; private init; } = [1, 4];

    /// <summary>Seconds from one kill to the next, in runs of more than one worker; 0: none.</summary>
    public int KillEvery { get; private init; } = 10;

    /// <summary>Largest loss that passes, nats a byte.</summary>
    public double Limit { get; private init; } = 1.88;

    public long Steps { get; private init; } = 2000;

    public ulong Seed { get; private init; } = 1;

    /// <summary>Where models, logs and databases go and stay; null: a temporary directory.</summary>
    public string? WorkDirectory { get; private init; }

    /// <summary>Declares the options.</summary>
    /// <returns>What reads them.</returns>
    public static Func<ParseResult, QualityOptions> AddTo(BenchCommand command)
    {
        var data = command.AddText("--data", "A text file, such as char-rnn's tinyshakespeare.txt.");
        data.Required = true;
        var workers = command.AddNumbers("--workers", "Worker processes of each run, with commas between them.", [1, 4], 1, 64);
        var killEvery = command.AddNumber(
            "--kill-every", "Seconds from one kill to the next, in runs of more than one worker; 0: none.", 10, 0, 3600);
        var limit = command.AddText("--limit", "Largest loss that passes, nats a byte (default: 1.88).");
        var steps = command.AddNumber("--steps", "Steps of each run.", 2000);
        var seed = command.AddNumber("--seed", "Decides the training.", 1, 0, int.MaxValue);
        var workDirectory = command.AddText("--work-dir", "Where models, logs and databases go and stay (default: a temporary directory).");
        return parsed => new QualityOptions
        {
            Data = parsed.GetValue(data)!,
            Workers = parsed.GetValue(workers)!,
            KillEvery = parsed.GetValue(killEvery),
            Limit = parsed.GetValue(limit) is { } text ? Loss(text) : 1.88,
            Steps = parsed.GetValue(steps),
            Seed = (ulong)parsed.GetValue(seed),
            WorkDirectory = parsed.GetValue(workDirectory),
        };
    }

    /// <summary>nanoGPT's configuration of this data set for a CPU (its readme, "only have a macbook"), in 4 shards.</summary>
    public JobSpec Job(int workers) => new()
    {
        Name = $"quality-{workers}",
        Ranks = workers,
        Model = new ModelSpec { Layers = 4, Heads = 4, Channels = 128, Block = 64 },
        Training = new TrainingSpec
        {
            Steps = Steps,
            BatchSize = 12,
            Shards = Math.Max(4, (int)System.Numerics.BitOperations.RoundUpToPowerOf2((uint)Workers.Max())),
            MicroBatch = 3,
            Seed = Seed,
        },
        Optimizer = new OptimizerSpec
        {
            LearningRate = 1e-3,
            MinLearningRate = 1e-4,
            WarmupSteps = 100,
            Beta1 = 0.9,
            Beta2 = 0.99,
            WeightDecay = 0.1,
            GradientClip = 1.0,
        },
    };

    private static double Loss(string text) =>
        double.TryParse(text, CultureInfo.InvariantCulture, out var limit) && limit > 0 ? limit : throw new FormatException(
            $"--limit is a loss above 0, not {text}");
}
