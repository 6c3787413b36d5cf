using System.CommandLine;
using System.Diagnostics;
using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using Coordinator.Runs.Clusters;
using Coordinator.Runs.Faults;

namespace Coordinator.Bench;

/// <summary>
/// Kills at points over the whole life of a <c>train</c>, by a supervisor that starts again what has not ended well, with the command that
/// the last one named: the model must be that of the undisturbed run, nothing may crash, and no process and no partial file may stay.
/// </summary>
internal static class Lifecycle
{
    private static readonly TimeSpan Limit = TimeSpan.FromMinutes(6);

    /// <summary>The command.</summary>
    public static Command Create()
    {
        var command = new BenchCommand(
            "lifecycle", "kills at two dozen points over the whole life of a train, and a supervisor that goes on: the undisturbed model");
        var read = LifecycleOptions.AddTo(command);
        return command.Runs(parsed =>
        {
            var options = read(parsed);
            return stop => RunAsync(options, BenchCommand.Text(parsed), stop);
        });
    }

    private static async Task<bool> RunAsync(LifecycleOptions options, string command, CancellationToken cancel)
    {
        var load = MachineLoad.Now();
        var directory = RunDirectory.Create(null);
        Dictionary<string, string> undisturbed = [];
        List<string> failed = [];
        var width = options.Schedules.Max(one => one.Name.Length);
        Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{command} ({load.Cpu}, {load.Cores} cores, load {load.Load:0.0})"));
        try
        {
            foreach (var schedule in options.Schedules)
            {
                if (!undisturbed.TryGetValue(schedule.Job.Name, out var expected))
                    undisturbed[schedule.Job.Name] = expected = await UndisturbedAsync(directory, schedule.Job, options, cancel);
                var clock = Stopwatch.StartNew();
                var (deeds, trouble) = await RunAsync(directory, schedule, expected, options, cancel);
                if (trouble is not null) failed.Add(schedule.Name);
                Console.WriteLine(
                    string.Create(
                        CultureInfo.InvariantCulture,
                        $"{schedule.Name.PadRight(width)}  {(trouble is null ? "same model" : "FAILED"),-10}  "
                            + $"{clock.Elapsed.TotalSeconds,5:0.0} s  {string.Join("; ", deeds)}"));
                if (trouble is not null) Console.WriteLine($"    {trouble.ReplaceLineEndings("\n    ")}");
            }
        }
        finally
        {
            if (failed.Count == 0) directory.RemoveIfTemporary();
            else Console.Error.WriteLine($"logs: {directory.Path}");
        }

        Console.WriteLine(
            $"{options.Schedules.Count - failed.Count} of {options.Schedules.Count} schedules ended with the undisturbed model");
        return failed.Count == 0;
    }

    private static async Task<(IReadOnlyList<string> Deeds, string? Trouble)> RunAsync(
        RunDirectory directory, LifecycleSchedule schedule, string expected, LifecycleOptions options, CancellationToken cancel)
    {
        var folder = directory.File(schedule.Name);
        Directory.CreateDirectory(folder);
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(cancel);
        limit.CancelAfter(Limit);
        SeededDraw draw = new(options.Seed);
        using Life life = new(folder, schedule.Job, DataOf(directory, schedule.Job), schedule.More, draw, options.SameCommand, limit.Token);
        try
        {
            await schedule.Act(life);
            await life.FinishAsync();
            var hash = HashOf(life.Model);
            if (hash != expected) return (life.Deeds, $"the model's SHA-256 is {hash}, undisturbed it is {expected}");
            if (Directory.GetFiles(folder, "*.part") is [string left, ..]) return (life.Deeds, $"{left} was left behind");
            return (
                life.Deeds, life.Now.Session() is { Count: > 0 } alive ? $"processes {string.Join(", ", alive)} were left behind" : null);
        }
        catch (LifeException wrong)
        {
            return (life.Deeds, wrong.Message);
        }
        catch (OperationCanceledException) when (!cancel.IsCancellationRequested)
        {
            return (life.Deeds, $"it had not ended after {Limit.TotalMinutes:0} minutes; the last command said:\n{life.Now.Output}");
        }
    }

    private static async Task<string> UndisturbedAsync(
        RunDirectory directory, LifecycleJob job, LifecycleOptions options, CancellationToken cancel)
    {
        var folder = directory.File($"undisturbed-{job.Name}");
        Directory.CreateDirectory(folder);
        using Life life = new(folder, job, DataOf(directory, job), [], new SeededDraw(options.Seed), sameCommand: false, cancel);
        life.Train();
        var code = await life.Now.EndAsync(cancel);
        return code == 0 ? HashOf(life.Model) : throw new RecoveryFailedException(
            $"the undisturbed run of {job.Name} ended with {code}:\n{life.Now.Output}");
    }

    /// <summary>Text of the job's size, the same each time.</summary>
    private static string DataOf(RunDirectory directory, LifecycleJob job)
    {
        var path = directory.File($"{job.Name}.txt");
        if (File.Exists(path)) return path;
        string[] words =
        [
            "rank", "step", "shard", "silo", "grain", "worker", "the", "of", "and", "is", "was", "frozen", "killed", "cut", "healed",
            "again",
        ];
        SeededDraw draw = new(1);
        StringBuilder text = new(job.DataBytes);
        while (text.Length < job.DataBytes) text.Append(words[draw.Below(words.Length)]).Append(' ');
        File.WriteAllText(path, text.ToString());
        return path;
    }

    private static string HashOf(string path)
    {
        using var file = File.OpenRead(path);
        return Convert.ToHexStringLower(SHA256.HashData(file));
    }
}
