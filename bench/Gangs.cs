using System.Diagnostics;
using System.Globalization;
using Coordinator.Runs.Clusters;

namespace Coordinator.Bench;

/// <summary>
/// Seeded schedules of kills and freezes on gangs of real programs, and what must hold in each: the program's own result is the undisturbed one, no
/// two generations ran at once by what the processes themselves wrote down, and no process is left. The programs are a shell script, one in C and
/// one in PyTorch; each is used where its tools are.
/// </summary>
internal static class Gangs
{
    private const string Usage = "bench gangs [--program sh|c|ddp]... [--schedules N] [--seed N] [--steps N]";

    public static int Run(string[] args) => BenchEntry.Run(Usage, () =>
    {
        List<string> programs = [];
        var (schedules, seed, steps) = (20, 1, 100);
        for (var i = 0; i < args.Length; i += 2)
        {
            var value = i + 1 < args.Length ? args[i + 1] : throw new FormatException($"{args[i]} needs a value");
            switch (args[i])
            {
                case "--program" when value is "sh" or "c" or "ddp":
                    programs.Add(value);
                    break;
                case "--schedules":
                    schedules = int.Parse(value, CultureInfo.InvariantCulture);
                    break;
                case "--seed":
                    seed = int.Parse(value, CultureInfo.InvariantCulture);
                    break;
                case "--steps":
                    steps = int.Parse(value, CultureInfo.InvariantCulture);
                    break;
                default:
                    throw new FormatException($"there is no {args[i]} {value}");
            }
        }

        if (programs.Count == 0)
            programs.AddRange(["sh", "c", "ddp"]);
        return cancel => RunAsync(programs, schedules, seed, steps, cancel);
    });

    private static async Task<bool> RunAsync(List<string> programs, int schedules, int seed, int steps, CancellationToken cancel)
    {
        var isSound = true;
        foreach (var program in programs)
        {
            using RunDirectory directory = RunDirectory.Create(null);
            if (Command(program, directory.Path) is not { } command)
            {
                Console.WriteLine($"{program}: skipped, its tools are not installed");
                continue;
            }

            var undisturbed = await GangsRun.PlayAsync(command, directory.File("undisturbed"), steps, schedule: null, cancel);
            Console.WriteLine($"{program}: undisturbed {undisturbed.Render()}");
            for (var i = 0; i < schedules; i++)
            {
                var outcome = await GangsRun.PlayAsync(command, directory.File($"schedule-{seed + i}"), steps, seed + i, cancel);
                var isSame = outcome.Results.SequenceEqual(undisturbed.Results);
                var isGood = isSame && outcome is { Overlaps: 0, Orphans: 0, Code: 0 };
                isSound &= isGood;
                Console.WriteLine($"{program}: schedule {seed + i}: {(isGood ? "ok" : "WRONG")}, {outcome.Render()}{(isSame ? "" : "; its result differs")}");
            }

            directory.RemoveIfTemporary();
        }

        return isSound;
    }

    /// <summary>The command of a program; null: what it needs is not here.</summary>
    private static string[]? Command(string program, string folder)
    {
        var source = Path.Combine(AppContext.BaseDirectory, "gangs");
        switch (program)
        {
            case "sh":
                return ["sh", Path.Combine(source, "counter.sh")];
            case "c":
                var built = Path.Combine(folder, "ring");
                return Succeeds("cc", "-O1", "-o", built, Path.Combine(source, "ring.c")) ? [built] : null;
            default:
                return Succeeds("/usr/bin/python3", "-c", "import torch.distributed") ? ["/usr/bin/python3", Path.Combine(source, "ddp.py")] : null;
        }
    }

    private static bool Succeeds(string file, params string[] arguments)
    {
        try
        {
            using var process = Process.Start(new ProcessStartInfo(file, arguments) { RedirectStandardError = true, RedirectStandardOutput = true })!;
            process.WaitForExit();
            return process.ExitCode == 0;
        }
        catch (System.ComponentModel.Win32Exception)
        {
            return false;
        }
    }
}
