using System.CommandLine;
using Coordinator.Machines.Jobs;
using Coordinator.Runs.Demo;

namespace Coordinator.Bench;

/// <summary>What the recovery bench is asked for.</summary>
internal sealed record RecoveryOptions
{
    public int Kills { get; private init; } = 30;

    public int Workers { get; private init; } = 4;

    public ulong Seed { get; private init; } = 1;

    /// <summary>
    /// <c>demo</c>: the model that the demo trains; <c>tiny</c>: the one of <c>demo --quick</c>, where a step takes next to nothing.
    /// </summary>
    public string Model { get; private init; } = "demo";

    public bool Json { get; private init; }

    /// <summary>Where logs and database go and stay; null: a temporary directory.</summary>
    public string? WorkDirectory { get; private init; }

    /// <summary>Declares the options.</summary>
    /// <returns>What reads them.</returns>
    public static Func<ParseResult, RecoveryOptions> AddTo(BenchCommand command)
    {
        var kills = command.AddNumber("--kills", "Workers that are killed, one after the other.", 30, 1, 10_000);
        var workers = command.AddNumber("--workers", "Worker processes.", 4, 2, 8);
        var seed = command.AddNumber("--seed", "Decides the training, and who is killed when.", 1, 0, int.MaxValue);
        var model = command.AddChoice(
            "--model",
            "demo: the model that the demo trains; tiny: the one of its --quick, where a step takes next to nothing.",
            "demo",
            "tiny");
        var output = command.AddChoice("-o", "How the report is printed.", "table", "json");
        var workDirectory = command.AddText("--work-dir", "Where logs and database go and stay (default: a temporary directory).");
        return parsed => new RecoveryOptions
        {
            Kills = parsed.GetValue(kills),
            Workers = parsed.GetValue(workers),
            Seed = (ulong)parsed.GetValue(seed),
            Model = parsed.GetValue(model)!,
            Json = parsed.GetValue(output) == "json",
            WorkDirectory = parsed.GetValue(workDirectory),
        };
    }

    /// <summary>The job, with more steps than the kills can last: it is cancelled after the last one.</summary>
    public JobSpec Job()
    {
        var demo = DemoPlan.Job(Seed, quick: Model == "tiny");
        return demo with
        {
            Name = "recovery",
            Ranks = Workers,
            Training = demo.Training with { Steps = 1_000_000 },
            Optimizer = demo.Optimizer with { WarmupSteps = 1000, LearningRate = 1e-3, MinLearningRate = 1e-3 },
        };
    }
}
