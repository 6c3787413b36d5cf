using System.Globalization;
using Coordinator.Cli.Configuration;
using Coordinator.Cli.Demo;
using Coordinator.Cli.Local;
using Coordinator.Machines.Jobs;

namespace Coordinator.Bench;

/// <summary>What the silo-kills bench is asked for.</summary>
internal sealed record SiloKillsOptions
{
    public bool Orleans { get; private init; } = true;

    public int Silos { get; private init; } = 3;

    public int Workers { get; private init; } = 4;

    public TimeSpan Every { get; private init; } = TimeSpan.FromSeconds(20);

    public TimeSpan For { get; private init; } = TimeSpan.FromMinutes(5);

    /// <summary>Long enough for the kills to end before the job does.</summary>
    public int Steps { get; private init; } = 9000;

    public int Undisturbed { get; private init; } = 2;

    public string? SiloProgramPath { get; private init; }

    public string? Database { get; private init; }

    public string? WorkDirectory { get; private init; }

    public static string Usage =>
        "silo-kills [--engine orleans|embedded] [--silos 3] [--workers 4] [--every 20s] [--for 5m] [--steps 9000] [--undisturbed 2] [--silo-program DLL] [--database CONNECTION] [--work-dir DIR]";

    /// <exception cref="FormatException">An option is unknown, ill-typed or out of range; the message says which.</exception>
    public static SiloKillsOptions Parse(string[] args)
    {
        SiloKillsOptions options = new();
        for (int i = 0; i < args.Length; i += 2)
        {
            if (i + 1 == args.Length) throw new FormatException($"{args[i]} needs a value");
            string value = args[i + 1];
            options = args[i] switch
            {
                "--engine" when value is "orleans" or "embedded" => options with { Orleans = value == "orleans", Silos = value == "orleans" ? options.Silos : 1 },
                "--silos" => options with { Silos = Number(args[i], value, 1, 9) },
                "--workers" => options with { Workers = Number(args[i], value, 1, 8) },
                "--every" => options with { Every = Duration(args[i], value) },
                "--for" => options with { For = Duration(args[i], value) },
                "--steps" => options with { Steps = Number(args[i], value, 100, 10_000_000) },
                "--undisturbed" => options with { Undisturbed = Number(args[i], value, 1, 10) },
                "--silo-program" => options with { SiloProgramPath = value },
                "--database" => options with { Database = value },
                "--work-dir" => options with { WorkDirectory = value },
                _ => throw new FormatException($"{args[i]} {value} is no option of it"),
            };
        }

        return options;
    }

    public SiloBackend Backend() => Orleans ? new SiloBackend { Orleans = SiloProgram.Find(SiloProgramPath), Silos = Silos, Database = Database } : SiloBackend.Embedded;

    public JobSpec Job()
    {
        JobSpec demo = DemoPlan.Job(seed: 1, quick: false);
        return demo with { Name = "silo-kills", Ranks = Workers, Training = demo.Training with { Steps = Steps } };
    }

    private static TimeSpan Duration(string option, string text) =>
        DurationText.TryParse(text, out TimeSpan duration) && duration > TimeSpan.Zero ? duration : throw new FormatException($"{option} is a duration such as 20s or 5m, not {text}");

    private static int Number(string option, string text, int least, int most) =>
        int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out int number) && number >= least && number <= most
            ? number
            : throw new FormatException($"{option} is a number from {least} to {most}, not {text}");
}
