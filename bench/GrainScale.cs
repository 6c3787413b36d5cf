using System.CommandLine;
using System.Diagnostics;
using System.Globalization;
using Coordinator.Lab.Swarm;
using Coordinator.Machines;
using Coordinator.Runs.Clusters;
using Coordinator.Runs.Processes;
using Coordinator.Server.Client;
using Coordinator.Server.Hosting;

namespace Coordinator.Bench;

/// <summary>
/// What thousands of nodes cost a silo: as many real connections to real silo processes, with hello, heartbeats and the answers of ranks,
/// driven from this process on the same machine. One silo alone on SQLite and a cluster on PostgreSQL, one after the other in one run.
/// </summary>
internal static class GrainScale
{
    private static readonly TimeSpan Beats = TimeSpan.FromSeconds(20);
    private static readonly TimeSpan Step = TimeSpan.FromMilliseconds(10);
    private static readonly TimeSpan Patience = TimeSpan.FromMinutes(5);

    // The view of a whole cluster is megabytes; asking for it all the time would be what is measured.
    private static readonly TimeSpan Look = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan Glance = TimeSpan.FromMilliseconds(20);

    /// <summary>The command.</summary>
    public static Command Create()
    {
        var command = new BenchCommand(
            "grains", "what thousands of nodes cost a silo: connections, memory, heartbeats, a generation; one silo alone, and a cluster");
        var which = command.AddChoice("--which", "Which silos are measured.", "both", "alone", "cluster");
        var allNodes = command.AddNumber("--nodes", "Nodes, each with a connection of its own.", 12_500, 2);
        var gpusPerNode = command.AddNumber("--gpus-per-node", "Gpus of each node.", 8, 1, 1024);
        var allSilos = command.AddNumber("--silos", "Silos of the cluster.", 3, 2, 99);
        var allRanks = command.AddNumbers("--ranks", "Ranks of each job, with commas between them.", [256, 1024], 2, 1 << 20);
        return command.Runs(parsed =>
        {
            var (nodes, gpus, silos, ranks) = (
                parsed.GetValue(allNodes), parsed.GetValue(gpusPerNode), parsed.GetValue(allSilos), parsed.GetValue(allRanks)!);
            if (ranks.Any(count => count > (long)nodes * gpus))
                throw new FormatException($"--ranks {ranks.Max()} are more than the {(long)nodes * gpus} gpus that there are");
            return async _ =>
            {
                var machine = MachineLoad.Now();
                Console.WriteLine(BenchCommand.Text(parsed) + string.Create(
                    CultureInfo.InvariantCulture,
                    $"; {machine.Cores} cores, {machine.Cpu}, load {machine.Load:0.0}; the driver shares the cores"));
                if (parsed.GetValue(which) is "both" or "alone")
                    await MeasureAsync("1 silo on SQLite", SiloBackend.Alone, nodes, gpus, ranks);
                if (parsed.GetValue(which) is "both" or "cluster")
                    await MeasureAsync($"{silos} silos on PostgreSQL", new SiloBackend { Silos = silos }, nodes, gpus, ranks);
                return true;
            };
        });
    }

    private static async Task MeasureAsync(string title, SiloBackend backend, int nodes, int gpus, int[] ranks)
    {
        var directory = RunDirectory.Create(null);
        var cluster = await LocalCluster.StartAsync(
            new LocalClusterOptions { Workers = 0, Backend = backend }, directory, CancellationToken.None);
        await using (cluster)
        {
            using CoordinatorClient client = new(cluster.Url, SiloToken.Load(cluster.TokenFile));
            Say($"{title}: {nodes} nodes, {nodes * gpus} gpus");
            Say($"  memory before          {Memory(cluster)}");
            var began = Stopwatch.GetTimestamp();
            await using AgentSwarm swarm = new(
                new SwarmShape(nodes, gpus, gpus), cluster.Url, SiloToken.Load(cluster.TokenFile), Step, TimeSpan.FromSeconds(1), 16, 1);
            var counts = swarm.Counts;
            swarm.Start();
            await UntilAsync(Glance, "all nodes to be welcome", () => Task.FromResult(swarm.Agents.All(agent => agent.IsWelcome)));
            Say($"  all welcomed after     {Stopwatch.GetElapsedTime(began).TotalSeconds:0.0} "
                + $"s{(counts.TriedAgain == 0 ? "" : $"; {counts.TriedAgain} connections were tried again ({counts.LastReason})")}");
            await UntilAsync(Look, "the cluster to know all gpus", async () => await client.GetClusterAsync() is { } view
                && view.Nodes.Count(node => node.Up) == nodes
                && view.Nodes.Sum(node => node.Gpus) == nodes * gpus);
            Say($"  all gpus known after   {Stopwatch.GetElapsedTime(began).TotalSeconds:0.0} s");
            if (backend.IsCluster)
            {
                await UntilAsync(Look, "all gpus' grains to be active", async () => (await ActivationsAsync(cluster)).Gpus >= nodes * gpus);
                var took = Stopwatch.GetElapsedTime(began);
                var (ofNodes, ofGpus) = await ActivationsAsync(cluster);
                Say($"  all active after       {took.TotalSeconds:0.0} s: {ofNodes} node and {ofGpus} gpu grains, "
                    + $"{(ofNodes + ofGpus) / took.TotalSeconds:0} activations a second");
            }

            await Task.Delay(TimeSpan.FromSeconds(5));
            Say($"  memory                 {Memory(cluster)}");
            await MeasureBeatsAsync(client, swarm, Beats);
            foreach (var count in ranks) await MeasureGenerationAsync(client, swarm, count);
            Say($"  memory at the end      {Memory(cluster)}");
            var last = (await client.GetClusterAsync())!;
            Say($"  nodes up at the end    {last.Nodes.Count(node => node.Up)} of {nodes}; connections lost {counts.Lost}");
            foreach (var complaint in counts.Complaints.Take(10)) Say($"  WRONG: {complaint}");
        }

        directory.RemoveIfTemporary();
    }

    private static async Task MeasureBeatsAsync(CoordinatorClient client, AgentSwarm swarm, TimeSpan time)
    {
        List<double> answers = [];
        long before = swarm.Counts.Beats, began = Stopwatch.GetTimestamp();
        double silent = 0;
        while (Stopwatch.GetElapsedTime(began) < time)
        {
            var asked = Stopwatch.GetTimestamp();
            var view = await client.GetNodeAsync(swarm.Agents[answers.Count * 37 % swarm.Agents.Count].Node);
            answers.Add(Stopwatch.GetElapsedTime(asked).TotalMilliseconds);
            silent = Math.Max(silent, view?.SilentMs ?? double.PositiveInfinity);
            await Task.Delay(50);
        }

        var took = Percentiles.Of(answers)!;
        Say($"  heartbeats             {(swarm.Counts.Beats - before) / Stopwatch.GetElapsedTime(began).TotalSeconds:0} a second; a node's "
            + $"view meanwhile: median {took.Median:0.0} ms, p99 {took.P99:0.0} ms; oldest heartbeat seen {silent:0} ms");
    }

    /// <summary>A job's first generation, and the next one after the death of a node.</summary>
    private static async Task MeasureGenerationAsync(CoordinatorClient client, AgentSwarm swarm, int ranks)
    {
        var spec = SwarmShape.JobOf(ranks, Patience);
        var counts = swarm.Counts;
        var (messages, bytes, began) = (counts.Heard, counts.HeardBytes, Stopwatch.GetTimestamp());
        counts.ForgetSteps();
        var job = (await client.SubmitAsync(spec)).Id;
        long first = 0;
        await UntilAsync(
            Glance,
            $"the first generation of {ranks} ranks",
            async () => (first = (await client.GetEventsAsync(job, limit: 10_000)).Items.Select(stored => stored.Event)
                .FirstOrDefault(happened => happened.Kind == EventKinds.GenerationRunning)?.Generation ?? 0) > 0);
        Say($"  generation, {ranks,5} ranks {Stopwatch.GetElapsedTime(began).TotalSeconds:0.00} s from submission until all have applied a "
            + $"step of {Step.TotalSeconds} s; {counts.Heard - messages} messages, {(counts.HeardBytes - bytes) / 1e6:0.0} MB to "
            + $"workers{(first > 1 ? $"; it was generation {first}" : "")}");
        SwarmAgent[] members = [.. swarm.Agents.Where(agent => agent.Includes(job, agent.Number))];
        var dead = members[^1];
        var hear = members[..^1];
        began = Stopwatch.GetTimestamp();
        swarm.Kill([dead]);
        await UntilAsync(Glance, "the survivors' next generation", () => Task.FromResult(swarm.Look(job, hear, first).IsWhole));
        Say($"  node dead, {ranks,5} ranks  {Stopwatch.GetElapsedTime(began, swarm.Look(job, hear, first).HeldAt).TotalSeconds:0.00} s "
            + $"until all {hear.Length} surviving nodes hold the next generation");
        await client.CancelJobAsync(job, "measured");
        dead.Start();
    }

    /// <summary>Activations of nodes' and gpus' grains on all silos, by Orleans' own count.</summary>
    private static async Task<(int Nodes, int Gpus)> ActivationsAsync(LocalCluster cluster)
    {
        var command = OwnExecutable.Command(["grains", "--database", cluster.Database!, "--cluster", cluster.ClusterName]);
        (command.RedirectStandardOutput, command.RedirectStandardError) = (true, true);
        using var process = Process.Start(command)!;
        var errors = process.StandardError.ReadToEndAsync();
        var lines = (await process.StandardOutput.ReadToEndAsync()).Split('\n', StringSplitOptions.RemoveEmptyEntries);
        await process.WaitForExitAsync();
        if (process.ExitCode != 0) throw new RecoveryFailedException($"'coordinator grains' cannot count the grains: {await errors}");
        return (Sum("NodeGrain"), Sum("GpuGrain"));

        // Lines of count, type, silo.
        int Sum(string type) =>
            lines.Select(line => line.Split('\t')).Where(parts => parts.Length == 3 && parts[1].Contains(type, StringComparison.Ordinal))
                .Sum(parts => int.Parse(parts[0], CultureInfo.InvariantCulture));
    }

    private static async Task UntilAsync(TimeSpan pause, string what, Func<Task<bool>> reached)
    {
        var began = Stopwatch.GetTimestamp();
        while (true)
        {
            try
            {
                if (await reached()) return;
            }
            catch (CoordinatorApiException busy) when (busy.MayRepeat)
            {
                // A silo that is busy answers later.
            }

            if (Stopwatch.GetElapsedTime(began) > Patience)
                throw new RecoveryFailedException($"waited {Patience.TotalMinutes:0} minutes in vain for {what}");
            await Task.Delay(pause);
        }
    }

    private static string Memory(LocalCluster cluster) => string.Join(
        ", ", cluster.Children.Where(child => LocalCluster.IsSilo(child.Name)).Select(child =>
        {
            var status = File.ReadAllLines($"/proc/{child.Pid}/status");
            return $"{child.Name} {Megabytes("VmRSS:")} MB (peak {Megabytes("VmHWM:")})";

            long Megabytes(string field) => long.Parse(
                status.First(line => line.StartsWith(field, StringComparison.Ordinal)).Split(' ', StringSplitOptions.RemoveEmptyEntries)[1],
                CultureInfo.InvariantCulture) / 1024;
        }));

    private static void Say(string text) => Console.WriteLine(text);
}
