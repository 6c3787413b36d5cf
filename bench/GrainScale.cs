using System.Diagnostics;
using System.Globalization;
using Coordinator.Lab.Swarm;
using Coordinator.Machines;
using Coordinator.Machines.Jobs;
using Coordinator.Runs.Clusters;
using Coordinator.Runs.Outcomes;
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
    private static readonly TimeSpan s_beats = TimeSpan.FromSeconds(20);
    private static readonly TimeSpan s_step = TimeSpan.FromMilliseconds(10);
    private static readonly TimeSpan s_patience = TimeSpan.FromMinutes(5);

    // The view of a whole cluster is megabytes; asking for it all the time would be what is measured.
    private static readonly TimeSpan s_look = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan s_glance = TimeSpan.FromMilliseconds(20);

    public static int Run(string[] args)
    {
        Dictionary<string, string> given = [];
        for (int i = 0; i + 1 < args.Length; i += 2) given[args[i]] = args[i + 1];
        int nodes = Number(given, "--nodes", 12_500), gpus = Number(given, "--gpus-per-node", 8), silos = Number(given, "--silos", 3);
        int[] ranks = [.. given.GetValueOrDefault("--ranks", "256,1024").Split(',').Select(text => int.TryParse(text, out int count) ? count : -1)];
        string which = given.GetValueOrDefault("--which", "both");
        if (args.Length % 2 == 1 || given.Keys.Except(["--nodes", "--gpus-per-node", "--silos", "--ranks", "--which"]).Any() || nodes < 2 || gpus < 1 || silos < 2
            || ranks.Any(count => count < 2 || count > nodes * gpus) || which is not ("both" or "alone" or "cluster"))
        {
            Console.Error.WriteLine("usage: grains [--which both|alone|cluster] [--nodes 12500] [--gpus-per-node 8] [--silos 3] [--ranks 256,1024]");
            return 2;
        }

        try
        {
            MachineLoad machine = MachineLoad.Now();
            Console.WriteLine($"bench grains {string.Join(' ', args)}".TrimEnd() + string.Create(CultureInfo.InvariantCulture, $"; {machine.Cores} cores, {machine.Cpu}, load {machine.Load:0.0}; the driver shares the cores"));
            if (which is "both" or "alone") MeasureAsync("1 silo on SQLite", SiloBackend.Alone, nodes, gpus, ranks).GetAwaiter().GetResult();
            if (which is "both" or "cluster") MeasureAsync($"{silos} silos on PostgreSQL", new SiloBackend { Silos = silos }, nodes, gpus, ranks).GetAwaiter().GetResult();
            return 0;
        }
        catch (CommandException wrong)
        {
            Console.Error.WriteLine(wrong.Message);
            return wrong.ExitCode;
        }
        catch (Exception failed) when (failed is ClusterException or CoordinatorApiException or RecoveryFailedException)
        {
            Console.Error.WriteLine(failed.Message);
            return 1;
        }
    }

    private static int Number(Dictionary<string, string> given, string option, int usual) =>
        !given.TryGetValue(option, out string? text) ? usual : int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out int number) ? number : -1;

    private static async Task MeasureAsync(string title, SiloBackend backend, int nodes, int gpus, int[] ranks)
    {
        RunDirectory directory = RunDirectory.Create(null);
        LocalCluster cluster = await LocalCluster.StartAsync(new LocalClusterOptions { Workers = 0, Backend = backend }, directory, CancellationToken.None);
        await using (cluster)
        {
            using CoordinatorClient client = new(cluster.Url, SiloToken.Load(cluster.TokenFile));
            Say($"{title}: {nodes} nodes, {nodes * gpus} gpus");
            Say($"  memory before          {Memory(cluster)}");
            long began = Stopwatch.GetTimestamp();
            await using AgentSwarm swarm = new(new SwarmShape(nodes, gpus, gpus), cluster.Url, SiloToken.Load(cluster.TokenFile), s_step, TimeSpan.FromSeconds(1), 16, 1);
            SwarmCounts counts = swarm.Counts;
            swarm.Start();
            await UntilAsync(s_glance, "all nodes to be welcome", () => Task.FromResult(swarm.Agents.All(agent => agent.IsWelcome)));
            Say($"  all welcomed after     {Stopwatch.GetElapsedTime(began).TotalSeconds:0.0} s{(counts.TriedAgain == 0 ? "" : $"; {counts.TriedAgain} connections were tried again ({counts.LastReason})")}");
            await UntilAsync(s_look, "the cluster to know all gpus", async () => await client.GetClusterAsync() is { } view && view.Nodes.Count(node => node.Up) == nodes && view.Nodes.Sum(node => node.Gpus) == nodes * gpus);
            Say($"  all gpus known after   {Stopwatch.GetElapsedTime(began).TotalSeconds:0.0} s");
            if (backend.IsCluster)
            {
                await UntilAsync(s_look, "all gpus' grains to be active", async () => (await ActivationsAsync(cluster)).Gpus >= nodes * gpus);
                TimeSpan took = Stopwatch.GetElapsedTime(began);
                (int ofNodes, int ofGpus) = await ActivationsAsync(cluster);
                Say($"  all active after       {took.TotalSeconds:0.0} s: {ofNodes} node and {ofGpus} gpu grains, {(ofNodes + ofGpus) / took.TotalSeconds:0} activations a second");
            }

            await Task.Delay(TimeSpan.FromSeconds(5));
            Say($"  memory                 {Memory(cluster)}");
            await MeasureBeatsAsync(client, swarm, s_beats);
            foreach (int count in ranks) await MeasureGenerationAsync(client, swarm, count);
            Say($"  memory at the end      {Memory(cluster)}");
            ClusterView last = (await client.GetClusterAsync())!;
            Say($"  nodes up at the end    {last.Nodes.Count(node => node.Up)} of {nodes}; connections lost {counts.Lost}");
            foreach (string complaint in counts.Complaints.Take(10)) Say($"  WRONG: {complaint}");
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
            long asked = Stopwatch.GetTimestamp();
            NodeView? view = await client.GetNodeAsync(swarm.Agents[answers.Count * 37 % swarm.Agents.Count].Node);
            answers.Add(Stopwatch.GetElapsedTime(asked).TotalMilliseconds);
            silent = Math.Max(silent, view?.SilentMs ?? double.PositiveInfinity);
            await Task.Delay(50);
        }

        Percentiles took = Percentiles.Of(answers)!;
        Say($"  heartbeats             {(swarm.Counts.Beats - before) / Stopwatch.GetElapsedTime(began).TotalSeconds:0} a second; a node's view meanwhile: median {took.Median:0.0} ms, p99 {took.P99:0.0} ms; oldest heartbeat seen {silent:0} ms");
    }

    /// <summary>A job's first generation, and the next one after the death of a node.</summary>
    private static async Task MeasureGenerationAsync(CoordinatorClient client, AgentSwarm swarm, int ranks)
    {
        JobSpec spec = SwarmShape.JobOf(ranks, s_patience);
        SwarmCounts counts = swarm.Counts;
        (long messages, long bytes, long began) = (counts.Heard, counts.HeardBytes, Stopwatch.GetTimestamp());
        counts.ForgetSteps();
        JobId job = (await client.SubmitAsync(spec)).Id;
        long first = 0;
        await UntilAsync(s_glance, $"the first generation of {ranks} ranks", async () => (first = (await client.GetEventsAsync(job, limit: 10_000)).Items.Select(stored => stored.Event).FirstOrDefault(happened => happened.Kind == EventKinds.GenerationRunning)?.Generation ?? 0) > 0);
        Say($"  generation, {ranks,5} ranks {Stopwatch.GetElapsedTime(began).TotalSeconds:0.00} s from submission until all have applied a step of {s_step.TotalSeconds} s; {counts.Heard - messages} messages, {(counts.HeardBytes - bytes) / 1e6:0.0} MB to workers{(first > 1 ? $"; it was generation {first}" : "")}");
        SwarmAgent[] members = [.. swarm.Agents.Where(agent => agent.Includes(job, agent.Number))];
        SwarmAgent dead = members[^1];
        SwarmAgent[] hear = members[..^1];
        began = Stopwatch.GetTimestamp();
        swarm.Kill([dead]);
        await UntilAsync(s_glance, "the survivors' next generation", () => Task.FromResult(swarm.Look(job, hear, first).IsWhole));
        Say($"  node dead, {ranks,5} ranks  {Stopwatch.GetElapsedTime(began, swarm.Look(job, hear, first).HeldAt).TotalSeconds:0.00} s until all {hear.Length} surviving nodes hold the next generation");
        await client.CancelJobAsync(job, "measured");
        dead.Start();
    }

    /// <summary>Activations of nodes' and gpus' grains on all silos, by Orleans' own count.</summary>
    private static async Task<(int Nodes, int Gpus)> ActivationsAsync(LocalCluster cluster)
    {
        ProcessStartInfo command = OwnExecutable.Command(["grains", "--database", cluster.Database!, "--cluster", cluster.ClusterName]);
        (command.RedirectStandardOutput, command.RedirectStandardError) = (true, true);
        using Process process = Process.Start(command)!;
        Task<string> errors = process.StandardError.ReadToEndAsync();
        string[] lines = (await process.StandardOutput.ReadToEndAsync()).Split('\n', StringSplitOptions.RemoveEmptyEntries);
        await process.WaitForExitAsync();
        if (process.ExitCode != 0) throw new RecoveryFailedException($"'coordinator grains' cannot count the grains: {await errors}");
        return (Sum("NodeGrain"), Sum("GpuGrain"));

        // Lines of count, type, silo.
        int Sum(string type) => lines.Select(line => line.Split('\t')).Where(parts => parts.Length == 3 && parts[1].Contains(type, StringComparison.Ordinal)).Sum(parts => int.Parse(parts[0], CultureInfo.InvariantCulture));
    }

    private static async Task UntilAsync(TimeSpan pause, string what, Func<Task<bool>> reached)
    {
        long began = Stopwatch.GetTimestamp();
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

            if (Stopwatch.GetElapsedTime(began) > s_patience) throw new RecoveryFailedException($"waited {s_patience.TotalMinutes:0} minutes in vain for {what}");
            await Task.Delay(pause);
        }
    }

    private static string Memory(LocalCluster cluster) => string.Join(", ", cluster.Children.Where(child => LocalCluster.IsSilo(child.Name)).Select(child =>
    {
        string[] status = File.ReadAllLines($"/proc/{child.Pid}/status");
        return $"{child.Name} {Megabytes("VmRSS:")} MB (peak {Megabytes("VmHWM:")})";

        long Megabytes(string field) => long.Parse(status.First(line => line.StartsWith(field, StringComparison.Ordinal)).Split(' ', StringSplitOptions.RemoveEmptyEntries)[1], CultureInfo.InvariantCulture) / 1024;
    }));

    private static void Say(FormattableString text) => Console.WriteLine(text.ToString(CultureInfo.InvariantCulture));
}
