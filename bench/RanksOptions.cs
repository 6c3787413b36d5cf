using System.Globalization;
using System.Numerics;
using Coordinator.Machines.Jobs;

namespace Coordinator.Bench;

/// <summary>What the ranks bench is asked for.</summary>
internal sealed record RanksOptions
{
    /// <summary>Ranks of each run, ascending; 1 is always among them, for its hash.</summary>
    public IReadOnlyList<int> Ranks { get; private init; } = [1, 64, 256, 1024, 2048, 4096];

    /// <summary>Worker processes that the ranks are spread over.</summary>
    public int Workers { get; private init; } = 4;

    /// <summary>Ranks that are a worker process each, on top; 0 leaves that run out.</summary>
    public int Peers { get; private init; }

    /// <summary>Workers killed in each run, each at a seeded step.</summary>
    public int Kills { get; private init; } = 2;

    public long Steps { get; private init; } = 200;

    public ulong Seed { get; private init; } = 1;

    public bool Json { get; private init; }

    /// <summary>Where logs and databases go and stay; null: a temporary directory.</summary>
    public string? WorkDirectory { get; private init; }

    public static string Usage => "ranks [--ranks 1,64,256,1024,2048,4096] [--workers 4] [--peers 0] [--kills 2] [--steps 200] [--seed 1] [-o table|json] [--work-dir DIR]";

    /// <exception cref="FormatException">An option is unknown, ill-typed or out of range; the message says which.</exception>
    public static RanksOptions Parse(string[] args)
    {
        RanksOptions options = new();
        for (int i = 0; i < args.Length; i += 2)
        {
            if (i + 1 == args.Length) throw new FormatException($"{args[i]} needs a value");
            string value = args[i + 1];
            options = args[i] switch
            {
                "--ranks" => options with { Ranks = [.. value.Split(',').Select(text => Number(args[i], text, 1, 65_536)).Append(1).Distinct().Order()] },
                "--workers" => options with { Workers = Number(args[i], value, 2, 64) },
                "--peers" => options with { Peers = Number(args[i], value, 0, 256) },
                "--kills" => options with { Kills = Number(args[i], value, 0, 16) },
                "--steps" => options with { Steps = Number(args[i], value, 20, 1_000_000) },
                "--seed" => options with { Seed = (ulong)Number(args[i], value, 0, int.MaxValue) },
                "-o" when value is "table" or "json" => options with { Json = value == "json" },
                "--work-dir" => options with { WorkDirectory = value },
                _ => throw new FormatException($"{args[i]} {value} is no option of it"),
            };
        }

        if (options.Kills >= Math.Min(options.Workers, options.Peers == 0 ? int.MaxValue : options.Peers))
            throw new FormatException($"--kills {options.Kills} would leave no worker that was never killed; choose fewer than the workers, or more of those");
        return options;
    }

    /// <summary>
    /// The job of all runs with workers: only the number of ranks differs. A shard is one sample, and there is one for each rank of the
    /// largest run. 31 parameters are two blocks.
    /// </summary>
    public JobSpec Job(int ranks) => Job(ranks, Ranks[^1], channels: 30);

    /// <summary>The job of the run with peers, and of the single rank that it is held to: as many blocks as peers, so that each owns one.</summary>
    public JobSpec PeersJob(int ranks) => Job(ranks, Peers, channels: (16 * Peers) - 1);

    private JobSpec Job(int ranks, int shards, int channels)
    {
        int whole = Math.Max(4, (int)BitOperations.RoundUpToPowerOf2((uint)shards));
        return new JobSpec
        {
            Name = $"ranks-{ranks}",
            Ranks = ranks,
            Model = new ModelSpec { Program = "linear", Channels = channels },
            Training = new TrainingSpec { Steps = Steps, BatchSize = whole, Shards = whole, MicroBatch = 1, Seed = Seed },
            Optimizer = new OptimizerSpec { LearningRate = 1e-2, WarmupSteps = 10 },
            Collective = new CollectiveSpec { BlockElements = 16 },

            // Hundreds of processes and ranks share a few cores here: slow is not dead.
            FaultTolerance = new FaultToleranceSpec
            {
                StartTimeout = TimeSpan.FromMinutes(5),
                AnswerTimeout = TimeSpan.FromSeconds(30),
                PeerTimeout = TimeSpan.FromSeconds(15),
                ProgressTimeout = TimeSpan.FromSeconds(30),
            },
        };
    }

    private static int Number(string option, string text, int least, int most) =>
        int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out int number) && number >= least && number <= most
            ? number
            : throw new FormatException($"{option} is a number from {least} to {most}, not {text}");
}
