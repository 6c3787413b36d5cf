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

    public static string Usage => "quality --data tinyshakespeare.txt [--workers 1,4] [--kill-every 10] [--limit 1.88] [--steps 2000] [--seed 1] [--work-dir DIR]";

    /// <exception cref="FormatException">An option is missing, unknown, ill-typed or out of range; the message says which.</exception>
    public static QualityOptions Parse(string[] args)
    {
        QualityOptions options = new();
        for (int i = 0; i < args.Length; i += 2)
        {
            if (i + 1 == args.Length) throw new FormatException($"{args[i]} needs a value");
            string value = args[i + 1];
            options = args[i] switch
            {
                "--data" => options with { Data = value },
                "--workers" => options with { Workers = [.. value.Split(',').Select(text => Number(args[i], text, 1, 64))] },
                "--kill-every" => options with { KillEvery = Number(args[i], value, 0, 3600) },
                "--limit" => options with { Limit = double.TryParse(value, CultureInfo.InvariantCulture, out double limit) && limit > 0 ? limit : throw new FormatException($"--limit is a loss above 0, not {value}") },
                "--steps" => options with { Steps = Number(args[i], value, 1, 1_000_000) },
                "--seed" => options with { Seed = (ulong)Number(args[i], value, 0, int.MaxValue) },
                "--work-dir" => options with { WorkDirectory = value },
                _ => throw new FormatException($"{args[i]} {value} is no option of it"),
            };
        }

        if (options.Data.Length == 0) throw new FormatException("--data is missing: name a text file, such as char-rnn's tinyshakespeare.txt");
        return options;
    }

    /// <summary>nanoGPT's configuration of this data set for a CPU (its readme, "only have a macbook"), in 4 shards.</summary>
    public JobSpec Job(int workers) => new()
    {
        Name = $"quality-{workers}",
        Ranks = workers,
        Model = new ModelSpec { Layers = 4, Heads = 4, Channels = 128, Block = 64 },
        Training = new TrainingSpec { Steps = Steps, BatchSize = 12, Shards = Math.Max(4, (int)System.Numerics.BitOperations.RoundUpToPowerOf2((uint)Workers.Max())), MicroBatch = 3, Seed = Seed },
        Optimizer = new OptimizerSpec { LearningRate = 1e-3, MinLearningRate = 1e-4, WarmupSteps = 100, Beta1 = 0.9, Beta2 = 0.99, WeightDecay = 0.1, GradientClip = 1.0 },
    };

    private static int Number(string option, string text, int least, int most) =>
        int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out int number) && number >= least && number <= most
            ? number
            : throw new FormatException($"{option} is a number from {least} to {most}, not {text}");
}
