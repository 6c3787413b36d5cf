using System.CommandLine;
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

    /// <summary>Declares the options.</summary>
    /// <returns>What reads them; throws <see cref="FormatException"/> where nobody would be left.</returns>
    public static Func<ParseResult, RanksOptions> AddTo(BenchCommand command)
    {
        var ranks = command.AddNumbers(
            "--ranks", "Ranks of each run, with commas between them; 1 is always among them.", [1, 64, 256, 1024, 2048, 4096], 1, 65_536);
        var workers = command.AddNumber("--workers", "Worker processes that the ranks are spread over.", 4, 2, 64);
        var peers = command.AddNumber("--peers", "Ranks that are a worker process each, on top; 0 leaves that run out.", 0, 0, 256);
        var kills = command.AddNumber("--kills", "Workers killed in each run, each at a seeded step.", 2, 0, 16);
        var steps = command.AddNumber("--steps", "Steps of each run.", 200, 20);
        var seed = command.AddNumber("--seed", "Decides the training, and who is killed when.", 1, 0, int.MaxValue);
        var output = command.AddChoice("-o", "How the report is printed.", "table", "json");
        var workDirectory = command.AddText("--work-dir", "Where logs and databases go and stay (default: a temporary directory).");
        return parsed =>
        {
            var options = new RanksOptions
            {
                Ranks = [.. parsed.GetValue(ranks)!.Append(1).Distinct().Order()],
                Workers = parsed.GetValue(workers),
                Peers = parsed.GetValue(peers),
                Kills = parsed.GetValue(kills),
                Steps = parsed.GetValue(steps),
                Seed = (ulong)parsed.GetValue(seed),
                Json = parsed.GetValue(output) == "json",
                WorkDirectory = parsed.GetValue(workDirectory),
            };
            return options.Kills < Math.Min(
                options.Workers, options.Peers == 0 ? int.MaxValue : options.Peers) ? options : throw new FormatException(
                $"--kills {options.Kills} would leave no worker that was never killed; choose fewer than the workers, or more of those");
        };
    }

    /// <summary>
    /// The job of all runs with workers: only the number of ranks differs. A shard is one sample, and there is one for each rank of the
    /// largest run. 31 parameters are two blocks.
    /// </summary>
    public JobSpec Job(int ranks) => Job(ranks, Ranks[^1], channels: 30);

    /// <summary>
    /// The job of the run with peers, and of the single rank that it is held to: as many blocks as peers, so that each owns one.
    /// </summary>
    public JobSpec PeersJob(int ranks) => Job(ranks, Peers, channels: (16 * Peers) - 1);

    private JobSpec Job(int ranks, int shards, int channels)
    {
        var whole = Math.Max(4, (int)BitOperations.RoundUpToPowerOf2((uint)shards));
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
}
