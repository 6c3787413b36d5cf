using System.CommandLine;
using System.Diagnostics;
using System.Globalization;
using System.Security.Cryptography;
using Coordinator.Runs.Clusters;
using Coordinator.Runs.Faults;

namespace Coordinator.Bench;

/// <summary>
/// Whether programs of one's own keep every promise: for each sample and each number of shards one file, whatever the number of ranks,
/// under seeded kills of programs, workers and the silo, after everything was killed and resumed, and grown and shrunk on the way. With
/// real processes, by the command.
/// </summary>
internal static class ProgramsAcceptance
{
    private static readonly TimeSpan Limit = TimeSpan.FromMinutes(20);

    /// <summary>The command.</summary>
    public static Command Create()
    {
        var command = new BenchCommand(
            "programs", "programs of one's own: one file for any number of ranks, under kills, resumed, grown and shrunk");
        var names = command.AddText(
            "--program", $"Which of {string.Join(", ", SamplePrograms.All)}, with commas between them (default: all).");
        var folder = command.AddText("--samples", "Folder of the samples (default: samples).");
        var python = command.AddText("--python", "Interpreter with PyTorch (default: python3).");
        var steps = command.AddNumber("--steps", "Steps of each run: enough of them that all kills find it training.", 2000, 4);
        var kills = command.AddNumber("--kills", "Kills in the run that is disturbed.", 20, 0, 1000);
        var shards = command.AddNumbers("--shards", "Numbers of shards, each with a file of its own.", [4, 8], 4, 64);
        var ranks = command.AddNumbers("--ranks", "Numbers of ranks.", [1, 2, 4], 1, 16);
        var seed = command.AddNumber("--seed", "Decides the training, and what is killed when.", 1, 0);
        return command.Runs(parsed =>
        {
            var chosen = parsed.GetValue(names)?.Split(',') ?? SamplePrograms.All;
            if (chosen.Except(SamplePrograms.All).FirstOrDefault() is { } unknown)
                throw new FormatException($"there is no sample {unknown}; there are {string.Join(", ", SamplePrograms.All)}");
            var plan = new Plan(
                Path.GetFullPath(parsed.GetValue(folder) ?? "samples"), parsed.GetValue(python) ?? "python3", parsed.GetValue(steps),
                parsed.GetValue(kills), (ulong)parsed.GetValue(seed));
            var (parts, sizes) = (parsed.GetValue(shards)!, parsed.GetValue(ranks)!);
            return cancel => RunAsync(plan, chosen, parts, sizes, BenchCommand.Text(parsed), cancel);
        });
    }

    private static async Task<bool> RunAsync(
        Plan plan, string[] names, int[] shards, int[] ranks, string command, CancellationToken cancel)
    {
        var load = MachineLoad.Now();
        Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{command} ({load.Cpu}, {load.Cores} cores, load {load.Load:0.0})"));
        var directory = RunDirectory.Create(null);
        var sound = true;
        try
        {
            var programs = new SamplePrograms(plan.Samples, plan.Python, directory.File("programs"));
            Directory.CreateDirectory(directory.File("programs"));
            foreach (var name in names)
            {
                var program = await programs.JobAsync(name, cancel);
                foreach (var count in shards)
                    sound &= await RowAsync(plan, name, program, count, ranks, directory.File($"{name}-{count}"), cancel);
            }
        }
        finally
        {
            if (sound)
                directory.RemoveIfTemporary();
            else
                Console.Error.WriteLine($"logs: {directory.Path}");
        }

        return sound;
    }

    /// <summary>All runs of one program with one number of shards.</summary>
    private static async Task<bool> RowAsync(
        Plan plan, string name, string[] program, int shards, int[] ranks, string folder, CancellationToken cancel)
    {
        Directory.CreateDirectory(folder);
        var clock = Stopwatch.StartNew();
        string[] job =
        [
            .. program, "--steps", $"{plan.Steps}", "--seed", $"{plan.Seed}",
            $"--training.shards={shards}", $"--training.batch_size={4 * shards}", "--checkpoint.interval=100",
        ];
        List<(string What, string Hash)> hashes = [];
        foreach (var count in ranks)
        {
            using var run = new Run(folder, $"ranks-{count}");
            run.Start("train", [.. job, "--workers", $"{count}", "--out", run.Model]);
            await run.EndAsync(0, cancel);
            hashes.Add(($"{count} ranks", run.Hash()));
        }

        if (plan.Kills > 0)
            hashes.Add(await KilledAsync(plan, job, folder, cancel));
        hashes.Add(await ResumedAsync(job, folder, cancel));
        hashes.Add(await ResizedAsync(job, folder, cancel));
        var isOne = hashes.Select(one => one.Hash).Distinct().Count() == 1;
        var verdict = isOne ? $"one file, {hashes[0].Hash[..16]}" : "DIFFERENT FILES";
        var runs = string.Join("; ", hashes.Select(one => isOne ? one.What : $"{one.What}: {one.Hash[..16]}"));
        Console.WriteLine(string.Create(
            CultureInfo.InvariantCulture, $"{name,-12} {shards,3} shards  {verdict}  {clock.Elapsed.TotalSeconds,6:0} s  {runs}"));
        return isOne;
    }

    /// <summary>Programs, workers and the silo die, one after the other, drawn from the seed.</summary>
    private static async Task<(string, string)> KilledAsync(Plan plan, string[] job, string folder, CancellationToken cancel)
    {
        using var run = new Run(folder, "killed");
        var draw = new SeededDraw(plan.Seed);
        run.Start("train", [.. job, "--workers", "3", "--work-dir", run.Directory, "--out", run.Model]);
        await run.LineAsync("have applied step ", cancel);
        int[] killed = [0, 0, 0];
        while (killed.Sum() < plan.Kills)
        {
            await Task.Delay(TimeSpan.FromMilliseconds(300 + (1500 * draw.Fraction())), cancel);
            if (run.Now.HasEnded)
                throw new RecoveryFailedException($"the job ended after {killed.Sum()} of {plan.Kills} kills: give it more --steps");
            var kind = draw.Below(5) switch { 0 => 2, 1 or 2 => 1, _ => 0 };
            var there = kind switch { 0 => run.Programs(), 1 => run.Now.Workers, _ => run.Now.Silos };
            if (there.Count == 0)
                continue;
            LifecycleProcess.Signal([there[draw.Below(there.Count)]], Life.Kill);
            killed[kind]++;
        }

        await run.EndAsync(0, cancel);
        return ($"killed {killed[0]} programs, {killed[1]} workers, {killed[2]} silos", run.Hash());
    }

    /// <summary>Everything dies at once, and is gone on with from the newest checkpoint.</summary>
    private static async Task<(string, string)> ResumedAsync(string[] job, string folder, CancellationToken cancel)
    {
        using var run = new Run(folder, "resumed");
        run.Start("train", [.. job, "--workers", "2", "--work-dir", run.Directory, "--out", run.Model]);
        await run.LineAsync("checkpoint of step", cancel);
        run.Now.SignalGroup(Life.Kill);
        await run.EndAsync(137, cancel);
        run.Start("resume", [run.Directory]);
        await run.EndAsync(0, cancel);
        return ("all killed and resumed", run.Hash());
    }

    /// <summary>One worker, then four, then two: each time saved at a signal.</summary>
    private static async Task<(string, string)> ResizedAsync(string[] job, string folder, CancellationToken cancel)
    {
        using var run = new Run(folder, "resized");
        run.Start("train", [.. job, "--workers", "1", "--work-dir", run.Directory, "--out", run.Model]);
        await run.LineAsync("checkpoint of step", cancel);
        run.Now.SignalGroup(Life.Term);
        await run.EndAsync(75, cancel);
        run.Start("resume", [run.Directory, "--workers", "4"]);
        await run.LineAsync("checkpoint of step", cancel);
        run.Now.SignalGroup(Life.Term);
        await run.EndAsync(75, cancel);
        run.Start("resume", [run.Directory, "--workers", "2"]);
        await run.EndAsync(0, cancel);
        return ("grown to 4 and shrunk to 2", run.Hash());
    }

    private sealed record Plan(string Samples, string Python, int Steps, int Kills, ulong Seed);

    /// <summary>A job with its folder and its model, and the command that runs it now.</summary>
    private sealed class Run(string folder, string name) : IDisposable
    {
        private LifecycleProcess? now;

        public LifecycleProcess Now => now!;

        public string Directory => Path.Combine(folder, name);

        public string Model => Path.Combine(folder, $"{name}.safetensors");

        public void Start(string verb, string[] arguments)
        {
            now?.Dispose();
            now = new LifecycleProcess([verb, .. arguments], [], output: null);
        }

        public async Task LineAsync(string part, CancellationToken cancel)
        {
            while (!Now.Output.Contains(part, StringComparison.Ordinal))
            {
                if (Now.HasEnded)
                    throw new RecoveryFailedException($"{name}: the command ended before it said '{part}'; it said:\n{Now.Output}");
                await Task.Delay(10, cancel);
            }
        }

        public async Task EndAsync(int expected, CancellationToken cancel)
        {
            using var limit = CancellationTokenSource.CreateLinkedTokenSource(cancel);
            limit.CancelAfter(Limit);
            var code = await Now.EndAsync(limit.Token);
            if (code != expected)
            {
                throw new RecoveryFailedException(
                    $"{name}: the command ended with {code} where {expected} is right; it said:\n{Now.Output}");
            }
        }

        /// <summary>Processes of the job's programs.</summary>
        public IReadOnlyList<int> Programs() => LifecycleProcess.With($"{Directory}/", "/bundles/");

        public string Hash()
        {
            using var file = File.OpenRead(Model);
            return Convert.ToHexStringLower(SHA256.HashData(file));
        }

        public void Dispose() => now?.Dispose();
    }
}
