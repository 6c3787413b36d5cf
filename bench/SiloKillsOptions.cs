using System.Globalization;
using Coordinator.Configuration;
using Coordinator.Machines.Jobs;
using Coordinator.Runs.Clusters;
using Coordinator.Runs.Demo;

namespace Coordinator.Bench;

/// <summary>What the silo-kills bench is asked for.</summary>
internal sealed record SiloKillsOptions
{
    // Steps of a run that finds out how long a step takes here, and how many of them start things up.
    private const int TrialSteps = 400;
    private const int TrialStart = 150;

    // A silo may take a while to come back, and blows wait for it; but for that a disturbed run is hardly slower.
    private const double Reserve = 1.6;

    public int Silos { get; private init; } = 3;

    public int Workers { get; private init; } = 4;

    public TimeSpan Every { get; private init; } = TimeSpan.FromSeconds(20);

    public TimeSpan For { get; private init; } = TimeSpan.FromMinutes(5);

    /// <summary>Null: as many as keep the job busy until the kills are over, by a trial on this machine.</summary>
    public int? Steps { get; init; }

    public int Undisturbed { get; private init; } = 2;

    public string? Database { get; private init; }

    public string? WorkDirectory { get; private init; }

    public static string Usage =>
        "silo-kills [--silos 3] [--workers 4] [--every 20s] [--for 5m] [--steps auto] [--undisturbed 2] [--database CONNECTION] [--work-dir DIR]\n"
        + "       silo-kills --quick …    the same, with --every 5s --for 10s --undisturbed 1";

    /// <summary>Kills of a single silo.</summary>
    public int Singles => (int)(For / Every);

    /// <exception cref="FormatException">An option is unknown, ill-typed or out of range; the message says which.</exception>
    public static SiloKillsOptions Parse(string[] args)
    {
        SiloKillsOptions options = new();
        if (args is ["--quick", ..])
        {
            options = options with { Every = TimeSpan.FromSeconds(5), For = TimeSpan.FromSeconds(10), Undisturbed = 1 };
            args = args[1..];
        }

        for (int i = 0; i < args.Length; i += 2)
        {
            if (i + 1 == args.Length) throw new FormatException($"{args[i]} needs a value");
            string value = args[i + 1];
            options = args[i] switch
            {
                "--silos" => options with { Silos = Number(args[i], value, 1, 9) },
                "--workers" => options with { Workers = Number(args[i], value, 1, 8) },
                "--every" => options with { Every = Duration(args[i], value) },
                "--for" => options with { For = Duration(args[i], value) },
                "--steps" => options with { Steps = value == "auto" ? null : Number(args[i], value, 100, 10_000_000) },
                "--undisturbed" => options with { Undisturbed = Number(args[i], value, 1, 10) },
                "--database" => options with { Database = value },
                "--work-dir" => options with { WorkDirectory = value },
                _ => throw new FormatException($"{args[i]} {value} is no option of it"),
            };
        }

        if (options.For < options.Every) throw new FormatException("--for is shorter than --every: nothing would be killed");
        return options;
    }

    public SiloBackend Backend() => new() { Silos = Silos, Database = Database };

    public JobSpec Job(int steps)
    {
        JobSpec demo = DemoPlan.Job(seed: 1, quick: false);
        return demo with { Name = "silo-kills", Ranks = Workers, Training = demo.Training with { Steps = steps } };
    }

    public JobSpec Trial() => Job(TrialSteps);

    /// <summary>Steps that take until the last blow is over, by the steps of a trial.</summary>
    public int StepsFor(SiloKillsTraining trial)
    {
        double step = trial.Steps.Skip(TrialStart).Average(stored => stored.Step.Milliseconds);

        // Several silos get two blows more: all but one, and all.
        int waits = Singles + (Silos > 1 ? 2 : 0) + 1;
        return (int)(Reserve * waits * Every.TotalMilliseconds / step) + TrialStart;
    }

    private static TimeSpan Duration(string option, string text) =>
        DurationText.TryParse(text, out TimeSpan duration) && duration > TimeSpan.Zero ? duration : throw new FormatException($"{option} is a duration such as 20s or 5m, not {text}");

    private static int Number(string option, string text, int least, int most) =>
        int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out int number) && number >= least && number <= most
            ? number
            : throw new FormatException($"{option} is a number from {least} to {most}, not {text}");
}
