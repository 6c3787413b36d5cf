using System.CommandLine;
using System.Globalization;
using Coordinator.Lab.Chaos.Hosts;
using Coordinator.Runs.Clusters;

namespace Coordinator.Bench;

/// <summary>
/// Seeded schedules of faults on gangs of real programs, and what must hold in each: the program's own result is the undisturbed one, no
/// two generations ran at once by what the processes themselves wrote down, no process is left, and the death of silos costs no start.
/// Beside it, how fast a gang is whole again, against torchrun in the same run.
/// </summary>
internal static class Gangs
{
    /// <summary>The command.</summary>
    public static Command Create()
    {
        var command = new BenchCommand(
            "gangs",
            "seeded faults on gangs of real programs (shell, C, PyTorch): their own result, no overlap, no orphan; or --torchrun beside");
        var program = command.AddChoice(
            "--program",
            "The program: a shell script, one in C, one in PyTorch with DDP, or each that can run here.",
            ["all", .. GangsPrograms.All]);
        var schedules = command.AddNumber("--schedules", "Schedules for each program.", 20);
        var seed = command.AddNumber("--seed", "Seed of the first schedule.", 1, 0);
        var steps = command.AddNumber("--steps", "Steps of a program.", 100);
        var hosts = command.AddChoice(
            "--hosts",
            "own: each node has a network, and nodes are cut off (needs root); shared: all have this machine's; auto: own where it can be.",
            ["auto", "own", "shared"]);
        var beside = command.AddFlag(
            "--torchrun", "Instead of schedules: a process, a node's agent and a node's cable are lost, beside torchrun in the same run.");
        var runs = command.AddNumber("--runs", "With --torchrun: runs of each kind.", 3);
        return command.Runs(parsed =>
        {
            var programs = parsed.GetValue(program) is { } one and not "all" ? (IReadOnlyList<string>)[one] : GangsPrograms.All;
            var whyNone = NetworkHosts.WhyNone();
            if (parsed.GetValue(hosts) == "own" && whyNone is not null)
                throw new FormatException($"--hosts own cannot be: {whyNone}.");
            var hasNetworks = parsed.GetValue(hosts) != "shared" && whyNone is null;
            Console.WriteLine(BenchCommand.Text(parsed));
            var machine = MachineLoad.Now();
            Console.WriteLine(string.Create(
                CultureInfo.InvariantCulture,
                $"{machine.Cores} cores, {machine.Cpu}, load {machine.Load}; {(hasNetworks ? "a network for each node" : "one network")}"));
            if (parsed.GetValue(beside))
                return cancel => GangsBeside.RunAsync(parsed.GetValue(runs), hasNetworks, cancel);
            return cancel => RunAsync(
                programs, parsed.GetValue(schedules), parsed.GetValue(seed), parsed.GetValue(steps), hasNetworks, cancel);
        });
    }

    private static async Task<bool> RunAsync(
        IReadOnlyList<string> programs, int schedules, int seed, int steps, bool hasNetworks, CancellationToken cancel)
    {
        var (sound, all) = (0, 0);
        foreach (var program in programs)
        {
            using var directory = RunDirectory.Create(null);
            if (GangsPrograms.Command(program, directory.Path) is not { } command)
            {
                Console.WriteLine($"{program}: skipped, its tools are not installed");
                continue;
            }

            var undisturbed = await GangsRun.PlayAsync(command, directory.File("undisturbed"), steps, null, hasNetworks, cancel);
            Console.WriteLine($"{program}: undisturbed {undisturbed.Render()}");
            for (var i = 0; i < schedules; i++)
            {
                var folder = directory.File($"schedule-{seed + i}");
                var outcome = await GangsRun.PlayAsync(command, folder, steps, seed + i, hasNetworks, cancel);
                var isSame = outcome.Results.SequenceEqual(undisturbed.Results);
                var isGood = isSame && outcome.IsSound && undisturbed.HasFinished;
                (sound, all) = (sound + (isGood ? 1 : 0), all + 1);
                Console.WriteLine($"{program}: schedule {seed + i}: {(isGood ? "ok" : "WRONG")}, {outcome.Render()}");
                if (!isSame)
                    Console.WriteLine("  its result differs from the undisturbed one");
            }

            if (sound == all)
                directory.RemoveIfTemporary();
            else
                Console.WriteLine($"logs: {directory.Path}");
        }

        Console.WriteLine($"{sound} of {all} schedules are sound");
        return sound == all;
    }
}
