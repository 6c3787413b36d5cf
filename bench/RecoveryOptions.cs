using System.Globalization;
using Coordinator.Machines.Jobs;
using Coordinator.Runs.Demo;

namespace Coordinator.Bench;

/// <summary>What the recovery bench is asked for.</summary>
internal sealed record RecoveryOptions
{
    public int Kills { get; private init; } = 30;

    public int Workers { get; private init; } = 4;

    public ulong Seed { get; private init; } = 1;

    /// <summary><c>demo</c>: the model that the demo trains; <c>tiny</c>: the one of <c>demo --quick</c>, where a step takes next to nothing.</summary>
    public string Model { get; private init; } = "demo";

    public bool Json { get; private init; }

    /// <summary>Where logs and database go and stay; null: a temporary directory.</summary>
    public string? WorkDirectory { get; private init; }

    public static string Usage => "recovery [--kills 30] [--workers 4] [--seed 1] [--model demo|tiny] [-o table|json] [--work-dir DIR]";

    /// <exception cref="FormatException">An option is unknown, ill-typed or out of range; the message says which.</exception>
    public static RecoveryOptions Parse(string[] args)
    {
        RecoveryOptions options = new();
        for (int i = 0; i < args.Length; i += 2)
        {
            if (i + 1 == args.Length) throw new FormatException($"{args[i]} needs a value");
            string value = args[i + 1];
            options = args[i] switch
            {
                "--kills" => options with { Kills = Number(args[i], value, 1, 10_000) },
                "--workers" => options with { Workers = Number(args[i], value, 2, 8) },
                "--seed" => options with { Seed = (ulong)Number(args[i], value, 0, int.MaxValue) },
                "--model" when value is "demo" or "tiny" => options with { Model = value },
                "-o" when value is "table" or "json" => options with { Json = value == "json" },
                "--work-dir" => options with { WorkDirectory = value },
                _ => throw new FormatException($"{args[i]} {value} is no option of it"),
            };
        }

        return options;
    }

    /// <summary>The job, with more steps than the kills can last: it is cancelled after the last one.</summary>
    public JobSpec Job()
    {
        JobSpec demo = DemoPlan.Job(Seed, quick: Model == "tiny");
        return demo with
        {
            Name = "recovery",
            Ranks = Workers,
            Training = demo.Training with { Steps = 1_000_000 },
            Optimizer = demo.Optimizer with { WarmupSteps = 1000, LearningRate = 1e-3, MinLearningRate = 1e-3 },
        };
    }

    private static int Number(string option, string text, int least, int most) =>
        int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out int number) && number >= least && number <= most
            ? number
            : throw new FormatException($"{option} is a number from {least} to {most}, not {text}");
}
