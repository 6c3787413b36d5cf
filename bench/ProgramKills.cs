using System.CommandLine;
using System.Globalization;
using Coordinator.Machines.Jobs;

namespace Coordinator.Bench;

/// <summary>
/// What a killed process of a program costs: from SIGKILL until the other ranks' next step, and until that of all ranks with its successor;
/// beside it how long the successors took to start, with interpreter, imports and model, state of step 0 and uncounted shards told apart.
/// </summary>
internal static class ProgramKills
{
    /// <summary>The command.</summary>
    public static Command Create()
    {
        var command = new BenchCommand("program-kills", "from the kill of a program's process until the next step, and its return");
        var script = command.AddText("--script", "The program.");
        var python = command.AddText("--python", "Interpreter (default: python3).");
        var arguments = command.AddText("--arguments", "Arguments of the program, with spaces between them.");
        var kills = command.AddNumber("--kills", "Processes that are killed, one after the other.", 20, 1, 1000);
        var (ranks, batch) = (command.AddNumber("--ranks", "Ranks.", 2, 2, 16), command.AddNumber("--batch", "Samples of a step.", 16));
        var shards = command.AddNumber("--shards", "Shards of a step.", 4, 4);
        return command.Runs(parsed =>
        {
            var path = Path.GetFullPath(parsed.GetValue(script) ?? throw new FormatException("--script is missing"));
            var spec = new JobSpec
            {
                Name = "program-kills",
                Model = new ModelSpec { Program = "process" },
                Program = new ProgramSpec
                {
                    Entry = Path.GetFileName(path),
                    Python = parsed.GetValue(python) ?? "python3",
                    Arguments = parsed.GetValue(arguments) ?? "",
                },
                Training = new TrainingSpec { Steps = 10_000_000, BatchSize = parsed.GetValue(batch), Shards = parsed.GetValue(shards) },
            };
            return cancel => RunAsync(spec, path, parsed.GetValue(ranks), parsed.GetValue(kills), BenchCommand.Text(parsed), cancel);
        });
    }

    private static async Task<bool> RunAsync(JobSpec spec, string script, int ranks, int kills, string command, CancellationToken cancel)
    {
        var load = MachineLoad.Now();
        Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{command} ({load.Cpu}, {load.Cores} cores, load {load.Load:0.0})"));
        await using var cluster = await ProgramCluster.StartAsync(spec, script, ranks, cancel);
        var samples = await cluster.KillAsync(kills, cancel);
        Say("the other ranks' next step", samples.Select(sample => sample.Next));
        Say("the next step of all ranks", samples.Select(sample => sample.Whole));
        foreach (var start in cluster.Starts())
            Console.WriteLine($"a start: {start}");
        return true;
    }

    private static void Say(string what, IEnumerable<TimeSpan> times)
    {
        double[] seconds = [.. times.Select(time => time.TotalSeconds).Order()];
        Console.WriteLine(string.Create(
            CultureInfo.InvariantCulture,
            $"{what}: median {seconds[seconds.Length / 2]:F2} s, p99 {seconds[(int)Math.Ceiling(0.99 * seconds.Length) - 1]:F2} s, "
                + $"of {seconds.Length}"));
    }
}
