using System.Text.Json;

namespace Coordinator.Machines.Clusters;

/// <summary>What the cluster keeps durable: which gpus belong to which job.</summary>
public sealed record ClusterState(long Incarnation, IReadOnlyList<AllocationView> Allocations)
{
    /// <summary>Version of the contract that this is written by; see <see cref="Contracts.StateVersion"/>.</summary>
    public int Version { get; init; } = Contracts.StateVersion;
}

/// <summary>
/// The inventory, and who has what. Nodes report themselves; jobs say what they want and what they still use. A gpu changes hands only
/// when its job has said that it no longer uses it, which it says only after its generation without the gpu is durable.
/// </summary>
public sealed class ClusterMachine : IMachine
{
    private readonly SortedDictionary<NodeId, NodeReported> nodes = [];
    private readonly Dictionary<GpuId, GpuDescription> gpus = [];
    private readonly SortedDictionary<GpuId, string> unschedulable = [];
    private readonly SortedDictionary<JobId, Allocation> allocations = [];
    private long incarnation;
    private long writes;
    private long sequence;

    private sealed class Allocation
    {
        public int Wanted { get; set; }

        public string? DeviceClass { get; set; }

        public long JobIncarnation { get; set; }

        public long JobSequence { get; set; } = -1;

        public SortedSet<GpuId> Gpus { get; } = [];

        public SortedSet<GpuId> Used { get; } = [];

        public SortedSet<GpuId> Preferred { get; } = [];
    }

    /// <summary>A cluster as stored, or an empty one.</summary>
    public ClusterMachine(string? stateJson)
    {
        if (stateJson is null)
            return;
        var state = Contracts.ReadState<ClusterState>(Address, stateJson);
        incarnation = state.Incarnation;
        foreach (var stored in state.Allocations)
        {
            var allocation = new Allocation { Wanted = stored.Wanted, DeviceClass = stored.DeviceClass };
            allocation.Gpus.UnionWith(stored.Gpus);

            // What a job used is not stored; until the job says, everything it has counts as used.
            allocation.Used.UnionWith(stored.Gpus);
            allocations.Add(stored.Job, allocation);
        }
    }

    /// <inheritdoc/>
    public GrainAddress Address => GrainAddress.Cluster;

    /// <inheritdoc/>
    public TimeSpan? NextDeadline => null;

    /// <inheritdoc/>
    public void Handle(TimeSpan now, GrainMessage message, Outputs outputs)
    {
        switch (message)
        {
            case Activated:
                incarnation++;
                Persist(outputs);
                break;
            case NodeReported report:
                OnNode(report, outputs);
                break;
            case GpuConditionReported condition:
                if (condition.Schedulable)
                    unschedulable.Remove(condition.Gpu);
                else
                    unschedulable[condition.Gpu] = condition.Reason;
                Settle(outputs, [.. allocations.Where(pair => pair.Value.Gpus.Contains(condition.Gpu)).Select(pair => pair.Key)]);
                break;
            case GpusRequested request:
                OnRequest(request, outputs);
                break;
        }
    }

    /// <inheritdoc/>
    public string Describe(TimeSpan now)
    {
        var given = allocations.Values.SelectMany(allocation => allocation.Gpus).ToHashSet();
        return JsonSerializer.Serialize(
            new ClusterView(
                [.. nodes.Values.Select(node => new ClusterNodeView(node.Node, node.Up, node.Gpus.Count, node.Up ? node.Gpus.Count(gpu => !given.Contains(new GpuId(node.Node, gpu.Index))) : 0, node.Gpus is [var first, ..] ? first.DeviceClass : ""))],
                Stored()),
            MachinesJson.Default.ClusterView);
    }

    private AllocationView[] Stored() => [.. allocations.Select(pair => new AllocationView(pair.Key, pair.Value.Wanted, [.. pair.Value.Gpus]) { DeviceClass = pair.Value.DeviceClass })];

    private void Persist(Outputs outputs) =>
        outputs.Add(new PersistState(JsonSerializer.Serialize(new ClusterState(incarnation, Stored()), MachinesJson.Default.ClusterState), incarnation, ++writes));

    private void OnNode(NodeReported report, Outputs outputs)
    {
        if (nodes.TryGetValue(report.Node, out var known) && (report.Session, report.Sequence).CompareTo((known.Session, known.Sequence)) < 0)
        {
            // The node was loaded anew and counts from the beginning: it hears where the count stands and goes on from there.
            outputs.Send(GrainAddress.Of(report.Node), new NodeReportTaken(known.Session, known.Sequence));
            return;
        }

        var isNews = known is null || known.Up != report.Up || known.Session != report.Session || known.DataAddress != report.DataAddress || !known.Gpus.SequenceEqual(report.Gpus);
        foreach (var gpu in known?.Gpus ?? [])
            gpus.Remove(new GpuId(report.Node, gpu.Index));
        foreach (var gpu in report.Gpus)
            gpus[new GpuId(report.Node, gpu.Index)] = gpu;
        nodes[report.Node] = report;
        outputs.Send(GrainAddress.Of(report.Node), new NodeReportTaken(report.Session, report.Sequence));
        if (isNews)
            Settle(outputs, [.. allocations.Where(pair => pair.Value.Gpus.Any(gpu => gpu.Node == report.Node)).Select(pair => pair.Key)]);
    }

    private void OnRequest(GpusRequested request, Outputs outputs)
    {
        if (!allocations.TryGetValue(request.Job, out var allocation))
        {
            if (request.Wanted == 0 && request.Used.Count == 0)
            {
                Offer(request.Job, new Allocation(), outputs);
                return;
            }

            allocation = new Allocation();
            allocations.Add(request.Job, allocation);
        }

        if ((request.Incarnation, request.Sequence).CompareTo((allocation.JobIncarnation, allocation.JobSequence)) < 0)
            return;
        (allocation.JobIncarnation, allocation.JobSequence) = (request.Incarnation, request.Sequence);
        allocation.Wanted = request.Wanted;
        allocation.DeviceClass = request.DeviceClass;
        allocation.Used.Clear();
        allocation.Used.UnionWith(request.Used);
        allocation.Preferred.Clear();
        allocation.Preferred.UnionWith(request.Preferred);
        Settle(outputs, [request.Job]);
    }

    /// <summary>Takes back what is neither used nor useful, gives out what is free to who wants it, makes changes durable, and tells the jobs concerned.</summary>
    private void Settle(Outputs outputs, IReadOnlyCollection<JobId> concerned)
    {
        var changed = new SortedSet<JobId>();
        foreach (var (job, allocation) in allocations)
        {
            // Used gpus belong to the job even if an older cluster grain's memory of it was lost.
            foreach (var gpu in allocation.Used.Where(gpu => allocations.Values.All(other => !other.Gpus.Contains(gpu))).ToArray())
            {
                allocation.Gpus.Add(gpu);
                changed.Add(job);
            }

            foreach (var gpu in allocation.Gpus.Where(gpu => !allocation.Used.Contains(gpu) && (!IsFit(gpu) || !DeviceClasses.Matches(allocation.DeviceClass, ClassOf(gpu)!))).ToArray())
                Take(job, allocation, gpu);
            foreach (var gpu in allocation.Gpus.Reverse().Where(gpu => !allocation.Used.Contains(gpu)).ToArray())
            {
                if (allocation.Gpus.Count > allocation.Wanted)
                    Take(job, allocation, gpu);
            }
        }

        Give(changed);
        foreach (var job in allocations.Where(pair => pair.Value is { Wanted: 0, Gpus.Count: 0, Used.Count: 0 }).Select(pair => pair.Key).ToArray())
        {
            Offer(job, allocations[job], outputs);
            allocations.Remove(job);
            changed.Add(job);
        }

        if (changed.Count > 0)
            Persist(outputs);
        foreach (var job in changed.Concat(concerned).Distinct().Order())
        {
            if (allocations.TryGetValue(job, out var allocation))
                Offer(job, allocation, outputs);
        }

        void Take(JobId job, Allocation allocation, GpuId gpu)
        {
            allocation.Gpus.Remove(gpu);
            changed.Add(job);
        }
    }

    private void Give(SortedSet<JobId> changed)
    {
        // With nobody in want there is nothing to look for: a cluster that comes up reports thousands of nodes, one after the other.
        if (allocations.Values.All(allocation => allocation.Gpus.Count >= allocation.Wanted && allocation.Gpus.Count(IsFit) >= allocation.Wanted))
            return;
        var free = Free().ToList();
        var given = new HashSet<GpuId>();
        foreach (var (job, allocation) in allocations)
        {
            // A member that is down and still used holds its place until the job lets go of it; a spare may come on top meanwhile.
            var fit = allocation.Gpus.Count(IsFit);
            if (fit >= allocation.Wanted || free.Count == 0)
                continue;
            var deviceClass = allocation.Gpus.Select(ClassOf).FirstOrDefault(found => found is not null)
                ?? free.Where(gpu => DeviceClasses.Matches(allocation.DeviceClass, gpu.DeviceClass)).GroupBy(gpu => gpu.DeviceClass)
                    .OrderByDescending(group => group.Count()).ThenBy(group => group.Key, StringComparer.Ordinal).FirstOrDefault()?.Key;
            foreach (var gpu in free.Where(gpu => gpu.DeviceClass == deviceClass).OrderBy(gpu => !allocation.Preferred.Contains(gpu.Id)).Take(allocation.Wanted - fit).ToArray())
            {
                allocation.Gpus.Add(gpu.Id);
                given.Add(gpu.Id);
                changed.Add(job);
            }

            free.RemoveAll(gpu => given.Contains(gpu.Id));
        }
    }

    /// <summary>Gpus in service that no job has.</summary>
    private IEnumerable<(GpuId Id, string DeviceClass)> Free()
    {
        var given = allocations.Values.SelectMany(allocation => allocation.Gpus).ToHashSet();
        return InService().Where(gpu => !given.Contains(gpu.Id));
    }

    private IEnumerable<(GpuId Id, string DeviceClass)> InService() => nodes.Values.Where(node => node.Up)
        .SelectMany(node => node.Gpus.Select(gpu => (Id: new GpuId(node.Node, gpu.Index), gpu.DeviceClass)))
        .Where(gpu => !unschedulable.ContainsKey(gpu.Id));

    /// <summary>What a job that has too few could have, were classes mixed; null where it has enough.</summary>
    private GpuSupply? SupplyFor(Allocation allocation)
    {
        if (allocation.Gpus.Count(IsFit) >= allocation.Wanted)
            return null;
        var wanted = allocation.Gpus.Select(ClassOf).FirstOrDefault(found => found is not null) ?? allocation.DeviceClass;
        return new GpuSupply(
            InService().Count(gpu => DeviceClasses.Matches(wanted, gpu.DeviceClass)),
            [.. Free().Where(gpu => !DeviceClasses.Matches(wanted, gpu.DeviceClass)).GroupBy(gpu => gpu.DeviceClass).OrderBy(group => group.Key, StringComparer.Ordinal).Select(group => new FreeGpus(group.Key, group.Count()))]);
    }

    private bool IsFit(GpuId gpu) => nodes.TryGetValue(gpu.Node, out var node) && node.Up && gpus.ContainsKey(gpu) && !unschedulable.ContainsKey(gpu);

    private string? ClassOf(GpuId gpu) => gpus.GetValueOrDefault(gpu)?.DeviceClass;

    private void Offer(JobId job, Allocation allocation, Outputs outputs)
    {
        var offers = allocation.Gpus.Where(gpu => nodes.ContainsKey(gpu.Node)).Select(gpu =>
        {
            var node = nodes[gpu.Node];
            var description = gpus.GetValueOrDefault(gpu);
            return new GpuOffer(gpu, node.Session, node.DataAddress, description?.DeviceClass ?? "", description?.Device ?? "", IsFit(gpu)) { NodeUp = node.Up };
        }).ToArray();
        outputs.Send(GrainAddress.Of(job), new GpusOffered(incarnation, ++sequence, offers) { Supply = SupplyFor(allocation) });
    }
}
