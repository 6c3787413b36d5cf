using System.CommandLine;
using System.Diagnostics;
using Coordinator.Runs.Clusters;

namespace Coordinator.Bench;

/// <summary>
/// Seeded schedules of kills and freezes on gangs of real programs, and what must hold in each: the program's own result is the undisturbed
/// one, no two generations ran at once by what the processes themselves wrote down, and no process is left. The programs are a shell
/// script, one in C and one in PyTorch; each is used where its tools are.
/// </summary>
internal static class Gangs
{
    private static readonly string[] Programs = ["sh", "c", "ddp"];

    /// <summary>The command.</summary>
    public static Command Create()
    {
        var command = new BenchCommand(
            "gangs", "seeded kills and freezes of gangs of real programs (shell, C, PyTorch): their own result, no overlap, no orphan");
        var program = command.AddChoice(
            "--program",
            "The program: a shell script, one in C, one in PyTorch with DDP, or each that can run here.",
            ["all", .. Programs]);
        var schedules = command.AddNumber("--schedules", "Schedules for each program.", 20);
        var seed = command.AddNumber("--seed", "Seed of the first schedule.", 1, 0);
        var steps = command.AddNumber("--steps", "Steps of a program.", 100);
        return command.Runs(parsed =>
        {
            var programs = parsed.GetValue(program) is { } one and not "all" ? [one] : Programs;
            return cancel => RunAsync(programs, parsed.GetValue(schedules), parsed.GetValue(seed), parsed.GetValue(steps), cancel);
        });
    }

    private static async Task<bool> RunAsync(string[] programs, int schedules, int seed, int steps, CancellationToken cancel)
    {
        var isSound = true;
        foreach (var program in programs)
        {
            using var directory = RunDirectory.Create(null);
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
                Console.WriteLine($"{program}: schedule {seed + i}: {(isGood ? "ok" : "WRONG")}, "
                    + $"{outcome.Render()}{(isSame ? "" : "; its result differs")}");
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
                return Succeeds("/usr/bin/python3", "-c", "import torch.distributed")
                    ? ["/usr/bin/python3", Path.Combine(source, "ddp.py")]
                    : null;
        }
    }

    private static bool Succeeds(string file, params string[] arguments)
    {
        try
        {
            using var process = Process.Start(
                new ProcessStartInfo(file, arguments) { RedirectStandardError = true, RedirectStandardOutput = true })!;
            process.WaitForExit();
            return process.ExitCode == 0;
        }
        catch (System.ComponentModel.Win32Exception)
        {
            return false;
        }
    }
}
