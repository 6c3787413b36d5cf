using System.Text.Json;
using Coordinator.Machines;
using Coordinator.Machines.Clusters;
using Coordinator.Machines.Jobs;

namespace Coordinator.Planning.Simulation;

/// <summary>What became of a job in a cluster of several device classes.</summary>
/// <param name="Name">The job.</param>
/// <param name="Named">Class that its spec names; empty: none.</param>
/// <param name="Wanted">Ranks that it wants.</param>
/// <param name="Phase">As its machine describes itself: <c>running</c>, <c>waiting</c>.</param>
/// <param name="Ranks">Ranks that train.</param>
/// <param name="Classes">Device classes of the gpus that the cluster has given it.</param>
/// <param name="Shortage">Why ranks are missing, in the machine's words; empty: none are, or classes are not the reason.</param>
public sealed record MixedJob(
    string Name, string Named, int Wanted, string Phase, int Ranks, IReadOnlyList<string> Classes, string Shortage);

/// <summary>
/// Several clusters as one, under the shipping cluster's and jobs' machines: for each its job, which names its device class, and two jobs
/// that want as many ranks as all free places of all classes have together, one of which names a class. Workers are reduced to their
/// answers.
/// </summary>
public sealed class MixedCluster
{
    // Longer than any job waits before it begins with fewer ranks.
    private static readonly TimeSpan Watched = TimeSpan.FromSeconds(30);

    private static readonly TimeSpan OneWay = TimeSpan.FromMilliseconds(0.5);

    private readonly ClusterMachine cluster = new(null);
    private readonly SortedDictionary<JobId, TrainingJobMachine> jobs = [];
    private readonly Dictionary<NodeId, (GpuId Gpu, string Class)> places = [];
    private readonly PriorityQueue<(GrainAddress To, GrainMessage Message), (TimeSpan, long)> mail = new();
    private readonly Outputs outputs = new();
    private TimeSpan now;
    private long sent;

    private MixedCluster()
    {
    }

    /// <summary>Runs it; the jobs of clusters first, in their order, then the two that want too much.</summary>
    /// <param name="fleets">The clusters; each has a job of as many ranks, and spare nodes for at least one rank.</param>
    public static IReadOnlyList<MixedJob> Run(IReadOnlyList<FleetSpec> fleets)
    {
        var world = new MixedCluster();
        world.Call(world.cluster, new Activated("silo"));
        var free = 0;
        foreach (var fleet in fleets)
        {
            var spare = Math.Max(1, fleet.Spares / fleet.NodesPerRank);
            free += spare;
            for (var number = 0; number < fleet.Ranks + spare; number++)
                world.AddPlace(new NodeId($"{fleet.Name}-{number:000000}"), ClassOf(fleet), fleet.Accelerator);
        }

        // One after the other, as people would: each is described as it stands before the next one comes.
        List<MixedJob> jobs = [.. fleets.Select(fleet => world.Submit(fleet.Name, ClassOf(fleet), fleet.Ranks))];
        jobs.Add(world.Submit("any-class", "", free));
        jobs.Add(world.Submit("one-class", ClassOf(fleets[^1]), free));
        return jobs;
    }

    /// <summary>A cluster's device class: its accelerator in one word.</summary>
    private static string ClassOf(FleetSpec fleet) => fleet.Accelerator.ToLowerInvariant().Replace(' ', '-');

    private void AddPlace(NodeId node, string deviceClass, string name)
    {
        places.Add(node, (new GpuId(node, 0), deviceClass));
        Post(
            GrainAddress.Cluster,
            new NodeReported(node, new WorkerSession(1, 1), 1, true, "", [new GpuDescription(0, name, deviceClass, "planned")]));
    }

    private MixedJob Submit(string name, string deviceClass, int ranks)
    {
        var id = new JobId(name);
        var job = new TrainingJobMachine(id, null);
        jobs.Add(id, job);
        var shards = (int)System.Numerics.BitOperations.RoundUpToPowerOf2((uint)Math.Max(4, ranks));
        Call(job, new Activated("silo"));
        Call(job, new SubmitJob(new JobSpec
        {
            Name = name,
            Ranks = ranks,
            MinRanks = ranks,
            DeviceClass = deviceClass,
            Training = new TrainingSpec { Steps = long.MaxValue / 4, Shards = shards, BatchSize = shards, MicroBatch = 1 },
            Checkpoint = new CheckpointSpec { Interval = "off" },
            Secret = Convert.ToBase64String(new byte[32]),
        }));
        var until = now + Watched;
        while (Next() is { } next && next <= until)
            Turn(next);
        now = until;
        return Describe(name);
    }

    private MixedJob Describe(string name)
    {
        var view = JsonSerializer.Deserialize(jobs[new JobId(name)].Describe(now), MachinesJson.Default.JobView)!;
        var given = JsonSerializer.Deserialize(cluster.Describe(now), MachinesJson.Default.ClusterView)!.Allocations.Where(
            allocation => allocation.Job == view.Id).SelectMany(allocation => allocation.Gpus);
        return new MixedJob(
            name,
            view.Spec.DeviceClass,
            view.Spec.Ranks,
            view.Phase,
            view.Members.Count,
            [.. given.Select(gpu => places[gpu.Node].Class).Distinct().Order(StringComparer.Ordinal)],
            view.Shortage);
    }

    private IEnumerable<IMachine> Machines => jobs.Values.Cast<IMachine>().Prepend(cluster);

    private TimeSpan? Next()
    {
        var deadline = Machines.Min(machine => machine.NextDeadline);
        return mail.TryPeek(out _, out var key) && !(deadline < key.Item1) ? key.Item1 : deadline;
    }

    private void Turn(TimeSpan at)
    {
        now = at > now ? at : now;
        if (!mail.TryPeek(out _, out var key) || key.Item1 > at)
        {
            foreach (var machine in Machines.Where(machine => machine.NextDeadline <= now).ToArray())
                Call(machine, new DeadlinePassed());
            return;
        }

        var (to, message) = mail.Dequeue();
        if (to.Kind == GrainKind.Node)
            Obey(places[new NodeId(to.Key)].Gpu, (NodeOrders)message);
        else
            Call(to.Kind == GrainKind.Job ? jobs[new JobId(to.Key)] : cluster, message);
    }

    /// <summary>What a worker answers.</summary>
    private void Obey(GpuId gpu, NodeOrders orders)
    {
        foreach (var order in orders.Orders)
        {
            JobReport[] answers = order switch
            {
                PrepareRank => [new RankState
                {
                    Job = order.Job,
                    Generation = order.Generation,
                    Gpu = gpu,
                    Boot = 1,
                    HasState = false,
                    Timeline = order.Timeline,
                    Applied = 0,
                    StateBlocks = 1,
                }],
                RankPlan => [
                    new PlanTaken { Job = order.Job, Generation = order.Generation, Gpu = gpu },
                    new RankAdvanced { Job = order.Job, Generation = order.Generation, Gpu = gpu, Step = 1 },
                ],
                ReleaseRank release =>
                    [new RankReleased { Job = order.Job, Generation = order.Generation, Gpu = gpu, Forgot = release.Forget }],
                _ => [],
            };
            foreach (var answer in answers)
                Post(GrainAddress.Of(order.Job), new WorkerReported(gpu.Node, new WorkerSession(1, 1), answer));
        }
    }

    private void Call(IMachine machine, GrainMessage message)
    {
        outputs.Clear();
        machine.Handle(now, message, outputs);
        foreach (var output in outputs.Items.ToArray())
        {
            if (output is SendToGrain send && (send.To.Kind is GrainKind.Cluster or GrainKind.Job || send.Message is NodeOrders))
                Post(send.To, send.Message);
        }
    }

    private void Post(GrainAddress to, GrainMessage message) => mail.Enqueue((to, message), (now + OneWay, ++sent));
}
