using System.Diagnostics;
using System.Globalization;
using Coordinator.Lab.Chaos.Hosts;
using Coordinator.Machines;
using Coordinator.Machines.Gangs;
using Coordinator.Runs.Clusters;
using Coordinator.Runs.Jobs;
using Coordinator.Server.Client;
using Coordinator.Server.Hosting;

namespace Coordinator.Bench;

/// <summary>One gang of two nodes and a spare on real processes, under one schedule of faults, and what its processes wrote down.</summary>
internal static class GangsRun
{
    private static readonly TimeSpan Limit = TimeSpan.FromMinutes(10);
    private static readonly TimeSpan Period = TimeSpan.FromMilliseconds(100);
    private static readonly TimeSpan Lease = TimeSpan.FromSeconds(6);

    /// <summary>What came of it.</summary>
    public sealed record Outcome(
        bool HasFinished,
        IReadOnlyList<string> Results,
        long Generations,
        int Starts,
        int Disturbing,
        int Overlaps,
        int Excused,
        int Orphans,
        IReadOnlyList<string> Faults,
        TimeSpan Took,
        string Reason)
    {
        /// <summary>
        /// Whether it ended well, started no oftener than it was struck, and nothing of two generations ran at once or was left.
        /// </summary>
        public bool IsSound => HasFinished && Starts <= 1 + Disturbing && Overlaps == 0 && Orphans == 0;

        public string Render()
        {
            var ran = string.Create(
                CultureInfo.InvariantCulture,
                $"{(HasFinished ? "ended well" : "FAILED")} in {Took.TotalSeconds:0} s, "
                    + $"{Starts} starts of at most {1 + Disturbing} in {Generations} generations");
            var left = $"{Overlaps} overlaps ({Excused} processes excused), {Orphans} orphans";
            return $"{ran}, {left}{(Faults.Count > 0 ? $": {string.Join(", ", Faults)}" : "")}; {Reason}";
        }
    }

    /// <summary>Plays it.</summary>
    /// <param name="command">The program.</param>
    /// <param name="folder">Folder for all files of the run.</param>
    /// <param name="steps">Steps of the program.</param>
    /// <param name="schedule">Seed of the faults; null: none strike.</param>
    /// <param name="hasNetworks">Whether each node has a network of its own.</param>
    /// <param name="cancel">Ends it early.</param>
    public static async Task<Outcome> PlayAsync(
        string[] command, string folder, int steps, int? schedule, bool hasNetworks, CancellationToken cancel)
    {
        var clock = Stopwatch.StartNew();
        var shared = Directory.CreateDirectory(Path.Combine(folder, "shared")).FullName;
        using var directory = RunDirectory.Create(Path.Combine(folder, "run"));
        GangView view;
        GangsFaults faults;
        await using var network = hasNetworks ? await NetworkHosts.CreateAsync(3, directory.File("hosts.log")) : null;
        var cluster = await LocalCluster.StartAsync(Options(network), directory, cancel);
        await using (cluster)
        {
            using var client = new CoordinatorClient(cluster.Url, SiloToken.Load(cluster.TokenFile));
            var calls = new SiloCalls(client, cluster);
            var job = new JobId("gang");
            await calls.AskAsync((silo, limit) => silo.SubmitGangAsync(Spec(command, shared, steps, network), job, limit), cancel);
            faults = new GangsFaults(cluster, calls, job, network);
            var striking = schedule is { } seed ? faults.StrikeAsync(seed, Lease, cancel) : Task.CompletedTask;
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
            view.Phase == "finished",
            results,
            view.Generation,
            view.Restarts + 1,
            faults.Disturbing,
            GangsRecords.Overlaps(GangsRecords.Read(shared), faults.Excused),
            faults.Excused.Count,
            GangsRecords.Living(shared).Count,
            faults.Struck,
            clock.Elapsed,
            string.Join("; ", view.Failures.Select(failure => $"generation {failure.Generation}: {failure.Text}").Append(view.Reason)));
    }

    /// <summary>Three workers that run programs, each on a host of its own where there is a network of them.</summary>
    public static LocalClusterOptions Options(NetworkHosts? network) => new()
    {
        Workers = 3,
        Host = network?.SiloAddress ?? "127.0.0.1",
        Launch = (name, command) => network is not null && HostOf(name) is { } host ? network.Enter(host, command) : command,
        WorkerArguments = (worker, _) =>
            ["--allow-programs", .. network is null ? Array.Empty<string>() : ["--data-address", $"{network.AddressOf(worker)}:0"]],
    };

    /// <summary>Two nodes of the three; gloo is told the card, since a host of these has no name that leads to its address.</summary>
    public static GangSpec Spec(string[] command, string shared, int steps, NetworkHosts? network) => new()
    {
        Command = command,
        MinNodes = 2,
        MaxNodes = 2,
        WorkFolder = shared,
        Grace = TimeSpan.FromSeconds(2),
        Lease = Lease,
        Restarts = 20,
        Environment = new SortedDictionary<string, string>(
            GangsPrograms.Environment(shared, steps, network is not null), StringComparer.Ordinal),
    };

    private static int? HostOf(string name) =>
        Enumerable.Range(0, 3).Where(worker => LocalCluster.WorkerName(worker) == name).Select(worker => (int?)worker).FirstOrDefault();
}
