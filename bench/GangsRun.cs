using System.Diagnostics;
using System.Globalization;
using System.Runtime.InteropServices;
using Coordinator.Machines;
using Coordinator.Machines.Gangs;
using Coordinator.Runs.Clusters;
using Coordinator.Runs.Jobs;
using Coordinator.Server.Client;
using Coordinator.Server.Hosting;

namespace Coordinator.Bench;

/// <summary>One gang of two nodes and a spare on real processes, under one schedule of faults, and what its processes wrote down.</summary>
internal static partial class GangsRun
{
    private const int Kill = 9;
    private const int Stop = 19;
    private const int Continue = 18;
    private static readonly TimeSpan Limit = TimeSpan.FromMinutes(10);
    private static readonly TimeSpan Period = TimeSpan.FromMilliseconds(100);

    /// <summary>What came of it.</summary>
    public sealed record Outcome(
        int Code,
        IReadOnlyList<string> Results,
        long Generations,
        int Overlaps,
        int Orphans,
        IReadOnlyList<string> Faults,
        TimeSpan Took,
        string Reason)
    {
        public string Render() =>
            string.Create(CultureInfo.InvariantCulture, $"exit {Code}, {Generations} generations, {Overlaps} overlaps, {Orphans} orphans, "
                + $"{Took.TotalSeconds:0} s{(Faults.Count > 0 ? $": {string.Join(", ", Faults)}" : "")}; {Reason}");
    }

    public static async Task<Outcome> PlayAsync(string[] command, string folder, int steps, int? schedule, CancellationToken cancel)
    {
        var clock = Stopwatch.StartNew();
        var shared = Directory.CreateDirectory(Path.Combine(folder, "shared")).FullName;
        using var directory = RunDirectory.Create(Path.Combine(folder, "run"));
        List<string> faults = [];
        GangView view;
        var cluster = await LocalCluster.StartAsync(
            new LocalClusterOptions { Workers = 3, WorkerArguments = (_, _) => ["--allow-programs"] }, directory, cancel);
        await using (cluster)
        {
            using var client = new CoordinatorClient(cluster.Url, SiloToken.Load(cluster.TokenFile));
            var calls = new SiloCalls(client, cluster);
            var job = new JobId("gang");
            var spec = new GangSpec
            {
                Command = command,
                MinNodes = 2,
                MaxNodes = 2,
                WorkFolder = shared,
                Grace = TimeSpan.FromSeconds(2),
                Lease = TimeSpan.FromSeconds(6),
                Restarts = 20,
                Environment = new SortedDictionary<string, string>(StringComparer.Ordinal)
                {
                    ["GANG_FOLDER"] = shared,
                    ["GANG_STEPS"] = steps.ToString(CultureInfo.InvariantCulture),
                    ["LD_LIBRARY_PATH"] = "/usr/lib/x86_64-linux-gnu/openblas-openmp",
                },
            };
            await calls.AskAsync((silo, limit) => silo.SubmitGangAsync(spec, job, limit), cancel);
            var striking = schedule is { } seed ? StrikeAsync(cluster, calls, job, new Random(seed), faults, cancel) : Task.CompletedTask;
            do
            {
                await Task.Delay(Period, cancel);
                view = (await calls.AskAsync((silo, limit) => silo.GetGangAsync(job, limit), cancel))!;
            }
            while (view.Phase is not ("finished" or "failed") && clock.Elapsed < Limit);
            await striking;
        }

        // Whoever is killed with his worker is gone a moment later.
        await Task.Delay(TimeSpan.FromSeconds(1), cancel);
        var results = Directory.GetFiles(shared, "result-*").Where(path => !path.EndsWith(".new", StringComparison.Ordinal))
            .Order(StringComparer.Ordinal).Select(path => $"{Path.GetFileName(path)} {File.ReadAllText(path).Trim()}").ToArray();
        return new Outcome(
            view.Phase == "finished" ? 0 : 1,
            results,
            view.Generation,
            Overlaps(shared),
            Orphans(shared),
            faults,
            clock.Elapsed,
            string.Join("; ", view.Failures.Select(failure => $"generation {failure.Generation}: {failure.Text}").Append(view.Reason)));
    }

    /// <summary>Three to five faults, each some time after the gang runs again.</summary>
    private static async Task StrikeAsync(
        LocalCluster cluster, SiloCalls calls, JobId job, Random random, List<string> faults, CancellationToken cancel)
    {
        var count = random.Next(3, 6);
        for (var i = 0; i < count; i++)
        {
            var kind = random.Next(6);
            await Task.Delay(TimeSpan.FromMilliseconds(random.Next(500, 4000)), cancel);
            var view = await calls.AskAsync((silo, limit) => silo.GetGangAsync(job, limit), cancel);
            if (view is null or { Phase: "finished" or "failed" })
                return;
            var process = view.Nodes.SelectMany(node => node.Ranks).Where(rank => rank is { ProcessId: > 0, Exit: null })
                .Select(rank => rank.ProcessId).Skip(random.Next(2)).FirstOrDefault();
            var worker = random.Next(3);
            var workerId = cluster.Children.Where(child => !LocalCluster.IsSilo(child.Name)).ElementAt(worker).Pid;
            switch (kind)
            {
                case 0 or 1 when process > 0:
                    faults.Add("process killed");
                    _ = Send(process, Kill);
                    break;
                case 2:
                    faults.Add($"worker {worker + 1} killed");
                    cluster.KillWorker(worker);
                    break;
                case 3:
                    faults.Add("silo killed");
                    cluster.KillSilo(0);
                    break;
                case 4 when workerId > 0:
                    // Shorter than the lease: an agent that stands still for longer cannot kill, and is excused.
                    var time = random.Next(300, 4000);
                    faults.Add($"worker {worker + 1} frozen for {time} ms");
                    _ = Send(workerId, Stop);
                    await Task.Delay(time, cancel);
                    _ = Send(workerId, Continue);
                    break;
                case 5:
                    faults.Add("all killed");
                    cluster.KillAll();
                    break;
            }
        }
    }

    /// <summary>Pairs of generations of which one had begun before the other had ended, by the processes' own notes.</summary>
    private static int Overlaps(string shared)
    {
        var spans = Directory.GetFiles(shared, "record-*").SelectMany(File.ReadLines).Select(line => line.Split(' '))
            .Where(parts => parts.Length == 2)
            .Select(parts =>
                (Generation: long.Parse(parts[0], CultureInfo.InvariantCulture), At: double.Parse(parts[1], CultureInfo.InvariantCulture)))
            .GroupBy(note => note.Generation).OrderBy(notes => notes.Key)
                .Select(notes => (First: notes.Min(note => note.At), Last: notes.Max(note => note.At))).ToArray();
        return Enumerable.Range(1, Math.Max(0, spans.Length - 1)).Count(i => spans[i].First < spans[i - 1].Last);
    }

    /// <summary>Processes that live and whose environment names the gang's folder.</summary>
    private static int Orphans(string shared)
    {
        var orphans = 0;
        foreach (var folder in Directory.EnumerateDirectories("/proc").Where(folder => int.TryParse(Path.GetFileName(folder), out _)))
        {
            try
            {
                if (File.ReadAllText(Path.Combine(folder, "environ")).Contains($"GANG_FOLDER={shared}\0", StringComparison.Ordinal))
                    orphans++;
            }
            catch (Exception gone) when (gone is IOException or UnauthorizedAccessException)
            {
                // It has ended, or is somebody else's.
            }
        }

        return orphans;
    }

    [LibraryImport("libc", EntryPoint = "kill")]
    private static partial int Send(int process, int signal);
}
