using System.CommandLine;
using System.Diagnostics;
using System.Globalization;
using System.Text.Json;
using Coordinator.Lab.Swarm;
using Coordinator.Machines;
using Coordinator.Runs.Clusters;
using Coordinator.Server.Storage;

namespace Coordinator.Bench;

/// <summary>
/// The machines of a cluster of a million gpus in one process, on one thread and over the store of a silo that is alone, with no Orleans
/// between them; in place of connections there is a node for each hello that answers orders at once. What is measured is the machines:
/// their memory, and the time to form a generation. Hellos and telemetry come as bytes and are parsed node by node, so that their texts
/// take the room that they take in a silo.
/// </summary>
internal static class MachineScale
{
    private const double MostBytes = 8e9;
    private const double MostSeconds = 10;

    private static readonly TimeSpan Patience = TimeSpan.FromMinutes(10);

    /// <summary>The command.</summary>
    public static Command Create()
    {
        var command = new BenchCommand(
            "machines", "the machines of a cluster of a million gpus in one process: memory, and the time to form a generation");
        var allGpus = command.AddNumber("--gpus", "Gpus of the cluster.", 1_000_000, 1, 10_000_000);
        var gpusPerNode = command.AddNumber("--gpus-per-node", "Gpus of each node.", 8, 1, 1024);
        var allRanks = command.AddOptionalNumber("--ranks", "Ranks of the job (default: one on each node).", 1, 1 << 20);
        var kind = command.AddChoice("--store", "Where states go.", "sqlite", "none");
        return command.Runs(parsed =>
        {
            var (gpus, perNode, store) = (parsed.GetValue(allGpus), parsed.GetValue(gpusPerNode), parsed.GetValue(kind));
            var nodes = gpus / perNode;
            var ranks = parsed.GetValue(allRanks) ?? nodes;
            if (nodes == 0 || ranks > gpus)
            {
                throw new FormatException(
                    $"{gpus} gpus are fewer than {(nodes == 0 ? $"{perNode} of one node" : $"{ranks} ranks")}; choose more with --gpus");
            }
            return async cancel =>
            {
                var machine = MachineLoad.Now();
                Say($"bench machines; {nodes} nodes of {perNode} gpus, a job of {ranks} ranks, store {store}; {machine.Cores} cores, "
                    + $"{machine.Cpu}, load {machine.Load:0.0}");
                var shape = new SwarmShape(nodes, perNode, (ranks + nodes - 1) / nodes);
                if (store == "none")
                    return await MeasureAsync(shape, ranks, null, cancel);
                var directory = RunDirectory.Create(null);
                try
                {
                    using var sqlite = SqliteStore.Open(new SqliteStoreOptions
                    {
                        Path = directory.File("coordinator.db"),
                        Silo = "bench",
                        TimeProvider = TimeProvider.System,
                    });
                    using SqliteCommits commits = new(sqlite, TimeProvider.System);
                    return await MeasureAsync(shape, ranks, commits, cancel);
                }
                finally
                {
                    directory.RemoveIfTemporary();
                }
            };
        });
    }

    private static async Task<bool> MeasureAsync(SwarmShape shape, int ranks, SqliteCommits? commits, CancellationToken cancel)
    {
        AnsweringLinks links = new();
        using MachineLoop loop = new(commits, links.Send);
        links.Loop = loop;
        loop.Start();
        int[] connected = [0];
        using var end = CancellationTokenSource.CreateLinkedTokenSource(cancel);
        var beating = Task.Run(() => BeatAsync(loop, links, shape, connected, end.Token), CancellationToken.None);
        var began = Stopwatch.GetTimestamp();
        var gpus = shape.Describe();
        for (var node = 0; node < shape.Nodes; node++)
        {
            var hello = (Hello)Parse(new Hello
            {
                Node = shape.NameOf(node),
                Session = AnsweringLinks.Session,
                DataAddress = $"{shape.NameOf(node)}:7000",
                Gpus = gpus,
            });
            loop.Post(GrainAddress.Of(hello.Node), new WorkerConnected(hello.Session, hello));
            Volatile.Write(ref connected[0], node + 1);
            if (node % 1000 == 999) await UntilAsync(() => links.Welcomed > node - 1000, "nodes to be welcome", loop.Broken, cancel);
        }

        var known = "";
        await UntilAsync(
            () => (known = loop.DescribeAsync(GrainAddress.Cluster).GetAwaiter().GetResult()).Length > 0 && UpIn(known) == shape.Nodes,
            "the cluster to know all nodes",
            loop.Broken,
            cancel);
        Say($"  all connected          {Stopwatch.GetElapsedTime(began).TotalSeconds:0.0} s; {Memory()}");
        began = Stopwatch.GetTimestamp();
        for (var node = 0; node < shape.Nodes; node++)
        {
            var measured = Parse(new GpusMeasured([.. Enumerable.Range(0, shape.GpusPerNode).Select(index => new GpuReading
            {
                Index = index,
                TemperatureC = 60,
                PowerWatts = 650,
                MemoryUsedBytes = 76L << 30,
                MemoryTotalBytes = 80L << 30,
                UncorrectedEcc = 0,
                RecoveryAction = 0,
                HostBoot = "7b0c7f4e-2d51-4b6f-9a35-0e5fb0a3c1d2",
            })]));
            loop.Post(GrainAddress.Of(shape.NameOf(node)), new WorkerSaid(AnsweringLinks.Session, measured));
        }

        _ = await loop.DescribeAsync(GrainAddress.Of(shape.NameOf(shape.Nodes - 1)));
        Say($"  all have reported      {Stopwatch.GetElapsedTime(began).TotalSeconds:0.0} s; {loop.Known(GrainKind.Gpu)} gpu and "
            + $"{loop.Known(GrainKind.Node)} node machines; {Memory()}");

        JobId job = new("million");
        var address = GrainAddress.Of(job);
        var spec = SwarmShape.JobOf(ranks, Patience) with { Secret = Convert.ToBase64String(new byte[32]) };
        began = Stopwatch.GetTimestamp();
        loop.Post(address, new SubmitJob(spec));
        var formed = await UntilAllAsync(links, 1, ranks, loop.Broken, began, cancel);
        Say($"  generation formed      {formed:0.00} s from submission until all {ranks} ranks have applied a step; {Memory()}");

        var dead = shape.NameOf(shape.Nodes / 2);
        links.Dead = dead;
        began = Stopwatch.GetTimestamp();
        loop.Post(GrainAddress.Of(dead), new WorkerDisconnected(AnsweringLinks.Session, "killed"));
        loop.Post(GrainAddress.Of(shape.NameOf(0)), new WorkerSaid(AnsweringLinks.Session, new PeerAccused
        {
            Job = job,
            Generation = 1,
            Accuser = shape.NameOf(0),
            Accused = dead,
            Evidence = Evidence.ConnectionClosed,
        }));
        var again = await UntilAllAsync(links, 2, ranks - shape.RankGpus, loop.Broken, began, cancel);
        Say($"  a node dies            {again:0.00} s from the accusation until the {ranks - shape.RankGpus} ranks that are left have "
            + $"applied a step without it; {Memory()}");
        await end.CancelAsync();
        await beating;
        using var self = Process.GetCurrentProcess();
        bool fits = self.PeakWorkingSet64 < MostBytes, fast = formed < MostSeconds;
        Say($"  {(fits ? "kept  " : "MISSED")} under {MostBytes / 1e9:0} GB (this process had at most {self.PeakWorkingSet64 / 1e9:0.00} "
            + "GB, answering nodes included)");
        Say($"  {(fast ? "kept  " : "MISSED")} a generation formed within {MostSeconds:0} s");
        return fits && fast;
    }

    private static async Task<double> UntilAllAsync(
        AnsweringLinks links, long generation, int ranks, Task<Exception> broken, long began, CancellationToken cancel)
    {
        await UntilAsync(
            () => links.Advanced(generation) >= ranks, $"all {ranks} ranks to apply a step of generation {generation}", broken, cancel);
        return Stopwatch.GetElapsedTime(began).TotalSeconds;
    }

    private static async Task UntilAsync(Func<bool> holds, string what, Task<Exception> broken, CancellationToken cancel)
    {
        var began = Stopwatch.GetTimestamp();
        while (!holds())
        {
            if (broken.IsCompletedSuccessfully) throw new RecoveryFailedException($"a machine broke: {broken.Result}");
            if (Stopwatch.GetElapsedTime(began) > Patience)
                throw new RecoveryFailedException($"waited {Patience.TotalMinutes:0} min in vain for {what}");
            await Task.Delay(10, cancel);
        }
    }

    private static int UpIn(string cluster) =>
        JsonSerializer.Deserialize(cluster, MachinesJson.Default.ClusterView)!.Nodes.Count(node => node.Up);

    /// <summary>Heartbeats as a gateway with so many connections lets them pass: one of each node in two seconds.</summary>
    private static async Task BeatAsync(MachineLoop loop, AnsweringLinks links, SwarmShape shape, int[] connected, CancellationToken cancel)
    {
        NodeId[] names = [.. Enumerable.Range(0, shape.Nodes).Select(shape.NameOf)];
        long began = Stopwatch.GetTimestamp(), done = 0;
        while (!cancel.IsCancellationRequested)
        {
            for (var due = (long)(Stopwatch.GetElapsedTime(began).TotalSeconds / 2 * names.Length); done < due; done++)
            {
                var node = (int)(done % names.Length);
                if (node < Volatile.Read(ref connected[0]) && names[node] != links.Dead)
                    loop.Post(GrainAddress.Of(names[node]), new WorkerSaid(AnsweringLinks.Session, new Heartbeat(done, [])));
            }

            await Task.Delay(20, CancellationToken.None);
        }
    }

    /// <summary>As it comes from a connection: each text is its own.</summary>
    private static WorkerMessage Parse(WorkerMessage message) =>
        JsonSerializer.Deserialize(
            JsonSerializer.SerializeToUtf8Bytes(message, MachinesJson.Default.WorkerMessage), MachinesJson.Default.WorkerMessage)!;

    private static string Memory()
    {
        var live = GC.GetTotalMemory(forceFullCollection: true);
        using var self = Process.GetCurrentProcess();
        return string.Create(
            CultureInfo.InvariantCulture,
            $"{live / 1e9:0.00} GB live, {self.WorkingSet64 / 1e9:0.00} GB resident, at most {self.PeakWorkingSet64 / 1e9:0.00} GB");
    }

    private static void Say(string text) => Console.WriteLine(text);
}
