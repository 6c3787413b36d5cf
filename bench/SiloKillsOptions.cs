using System.CommandLine;
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

    /// <summary>Kills of a single silo.</summary>
    public int Singles => (int)(For / Every);

    /// <summary>Declares the options.</summary>
    /// <returns>What reads them; throws <see cref="FormatException"/> where nothing would be killed.</returns>
    public static Func<ParseResult, SiloKillsOptions> AddTo(BenchCommand command)
    {
        var quick = command.AddFlag(
            "--quick", "A short run: kills every 5 s for 10 s, and one undisturbed run, where nothing else is said.");
        var silos = command.AddNumber("--silos", "Silo processes.", 3, 1, 9);
        var workers = command.AddNumber("--workers", "Worker processes.", 4, 1, 8);
        var every = command.AddText("--every", "Time from one kill to the next, such as 20s (default: 20s).");
        var duration = command.AddText("--for", "How long single silos are killed, such as 5m (default: 5m).");
        var steps = command.AddOptionalNumber(
            "--steps", "Steps of a run (default: as many as last until the kills are over, by a trial).", 100, 10_000_000);
        var undisturbed = command.AddOptionalNumber("--undisturbed", "Undisturbed runs (default: 2).", 1, 10);
        var database = command.AddText("--database", "PostgreSQL connection string (default: a private server).");
        var workDirectory = command.AddText("--work-dir", "Where logs and databases go and stay (default: a temporary directory).");
        return parsed =>
        {
            var isQuick = parsed.GetValue(quick);
            var options = new SiloKillsOptions
            {
                Silos = parsed.GetValue(silos),
                Workers = parsed.GetValue(workers),
                Every = Duration("--every", parsed.GetValue(every) ?? (isQuick ? "5s" : "20s")),
                For = Duration("--for", parsed.GetValue(duration) ?? (isQuick ? "10s" : "5m")),
                Steps = parsed.GetValue(steps),
                Undisturbed = parsed.GetValue(undisturbed) ?? (isQuick ? 1 : 2),
                Database = parsed.GetValue(database),
                WorkDirectory = parsed.GetValue(workDirectory),
            };
            return options.For >= options.Every ? options : throw new FormatException(
                "--for is shorter than --every: nothing would be killed");
        };
    }

    public SiloBackend Backend() => new() { Silos = Silos, Database = Database };

    public JobSpec Job(int steps)
    {
        var demo = DemoPlan.Job(seed: 1, quick: false);
        return demo with { Name = "silo-kills", Ranks = Workers, Training = demo.Training with { Steps = steps } };
    }

    public JobSpec Trial() => Job(TrialSteps);

    /// <summary>Steps that take until the last blow is over, by the steps of a trial.</summary>
    public int StepsFor(SiloKillsTraining trial)
    {
        var step = trial.Steps.Skip(TrialStart).Average(stored => stored.Step.Milliseconds);

        // Several silos get two blows more: all but one, and all.
        var waits = Singles + (Silos > 1 ? 2 : 0) + 1;
        return (int)(Reserve * waits * Every.TotalMilliseconds / step) + TrialStart;
    }

    private static TimeSpan Duration(string option, string text) =>
        DurationText.TryParse(text, out var duration) && duration > TimeSpan.Zero ? duration : throw new FormatException(
            $"{option} is a duration such as 20s or 5m, not {text}");
}
