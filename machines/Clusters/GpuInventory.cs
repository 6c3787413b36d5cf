namespace Coordinator.Machines.Clusters;

/// <summary>
/// Which gpus there are, which of them serve, and whose they are. What is asked at every report (who is free, how many of a job's gpus
/// serve) is kept up with each change: a cluster that comes up reports thousands of nodes one after the other, and looking at all gpus at
/// each of them would take minutes for 100,000.
/// </summary>
internal sealed class GpuInventory
{
    private static readonly SortedSet<GpuId> None = [];

    private readonly Dictionary<NodeId, NodeReported> nodes = [];
    private readonly Dictionary<GpuId, GpuDescription> described = [];
    private readonly HashSet<GpuId> unschedulable = [];
    private readonly HashSet<NodeId> setAside = [];
    private readonly HashSet<NodeId> cordonedNodes = [];
    private readonly HashSet<GpuId> cordonedGpus = [];
    private readonly Dictionary<GpuId, JobId> owners = [];
    private readonly Dictionary<NodeId, SortedSet<GpuId>> ownedOn = [];
    private readonly Dictionary<JobId, int> fit = [];
    private readonly SortedDictionary<string, SortedSet<GpuId>> free = new(StringComparer.Ordinal);
    private readonly Dictionary<string, int> inService = new(StringComparer.Ordinal);

    /// <summary>Gpus in service, and the class that each is counted under.</summary>
    private readonly Dictionary<GpuId, string> counted = [];

    /// <summary>Each node's last report, sorted by node.</summary>
    public IEnumerable<NodeReported> Nodes => nodes.Values.OrderBy(report => report.Node);

    /// <summary>Gpus in service that no job has, by class; only classes that have one.</summary>
    public IEnumerable<KeyValuePair<string, SortedSet<GpuId>>> Free => free.Where(pair => pair.Value.Count > 0);

    /// <summary>A node's last report; null: it never reported.</summary>
    public NodeReported? Find(NodeId node) => nodes.GetValueOrDefault(node);

    /// <summary>What a gpu's node said it is; null: nothing yet, or not any more.</summary>
    public GpuDescription? DescriptionOf(GpuId gpu) => described.GetValueOrDefault(gpu);

    /// <summary>The job that has the gpu; null: none.</summary>
    public JobId? OwnerOf(GpuId gpu) => owners.TryGetValue(gpu, out var job) ? job : null;

    /// <summary>The jobs that have gpus of a node, whether or not the node reports those now.</summary>
    public IReadOnlyCollection<JobId> OwnersOn(NodeId node) =>
        [.. ownedOn.GetValueOrDefault(node, None).Select(gpu => owners[gpu]).Distinct()];

    /// <summary>Gpus of a node that jobs have, sorted.</summary>
    public IReadOnlyCollection<GpuId> OwnedOn(NodeId node) => ownedOn.GetValueOrDefault(node, None);

    /// <summary>Whether the gpu serves: its node is up and reports it, and the gpu itself has not been taken out.</summary>
    public bool IsFit(GpuId gpu) => counted.ContainsKey(gpu);

    /// <summary>How many of a job's gpus serve.</summary>
    public int FitOf(JobId job) => fit.GetValueOrDefault(job);

    /// <summary>Gpus in service of a wanted class, whoever has them.</summary>
    public int InService(string? wantedClass) =>
        inService.Where(pair => DeviceClasses.Matches(wantedClass, pair.Key)).Sum(pair => pair.Value);

    /// <summary>Gpus in service of exactly a class that no job has.</summary>
    public SortedSet<GpuId> FreeOf(string deviceClass) => free.GetValueOrDefault(deviceClass, None);

    /// <summary>Takes a node's report in place of its last one.</summary>
    /// <returns>Whether it says anything new.</returns>
    public bool Report(NodeReported report)
    {
        var known = Find(report.Node);
        nodes[report.Node] = report;
        if (known is not null && known.Up == report.Up && known.Session == report.Session && known.DataAddress == report.DataAddress
            && known.Gpus.SequenceEqual(report.Gpus))
        {
            return false;
        }
        foreach (var gpu in IdsOf(known))
        {
            described.Remove(gpu);
            Count(gpu);
        }

        foreach (var gpu in report.Gpus)
            described[new GpuId(report.Node, gpu.Index)] = gpu;
        foreach (var gpu in IdsOf(report))
            Count(gpu);
        return true;
    }

    /// <summary>Puts a gpu in service, or takes it out.</summary>
    public void SetSchedulable(GpuId gpu, bool schedulable)
    {
        if (schedulable ? unschedulable.Remove(gpu) : unschedulable.Add(gpu))
            Count(gpu);
    }

    /// <summary>Whether the node's free gpus are given to nobody.</summary>
    public bool IsSetAside(NodeId node) => setAside.Contains(node);

    /// <summary>Whether the gpu would be free if its node were not set aside.</summary>
    public bool IsFreeThoughSetAside(GpuId gpu) =>
        setAside.Contains(gpu.Node) && described.ContainsKey(gpu) && nodes[gpu.Node].Up && !owners.ContainsKey(gpu)
            && !unschedulable.Contains(gpu) && !IsCordoned(gpu);

    /// <summary>Gpus in reach, with their classes, that would be free if they were not cordoned.</summary>
    public IEnumerable<(GpuId Gpu, string Class)> Cordoned =>
        cordonedNodes.SelectMany(node => IdsOf(Find(node))).Union(cordonedGpus).Order()
            .Where(gpu => described.ContainsKey(gpu) && nodes[gpu.Node].Up && !owners.ContainsKey(gpu) && !unschedulable.Contains(gpu))
            .Select(gpu => (gpu, described[gpu].DeviceClass));

    /// <summary>Whether the gpu is given to nobody on the operators' word. A job that has it keeps it until it lets go.</summary>
    public bool IsCordoned(GpuId gpu) => cordonedNodes.Contains(gpu.Node) || cordonedGpus.Contains(gpu);

    /// <summary>
    /// Gives a node (<paramref name="gpu"/> is null) or a gpu to nobody from now on, also such as its node reports later; or to whoever
    /// wants it.
    /// </summary>
    public void SetCordoned(NodeId node, int? gpu, bool cordoned)
    {
        if (gpu is not { } index)
        {
            if (!(cordoned ? cordonedNodes.Add(node) : cordonedNodes.Remove(node)))
                return;
            foreach (var known in IdsOf(Find(node)))
                Count(known);
            return;
        }

        var id = new GpuId(node, index);
        if (cordoned ? cordonedGpus.Add(id) : cordonedGpus.Remove(id))
            Count(id);
    }

    /// <summary>Gives a node's free gpus to nobody from now on, or to whoever wants them. What jobs have they keep.</summary>
    public void SetAside(NodeId node, bool aside)
    {
        if (!(aside ? setAside.Add(node) : setAside.Remove(node)))
            return;
        foreach (var gpu in IdsOf(Find(node)))
            Count(gpu);
    }

    /// <summary>Gives a gpu that no job has to a job.</summary>
    public void Assign(GpuId gpu, JobId job)
    {
        Uncount(gpu);
        owners.Add(gpu, job);
        if (!ownedOn.TryGetValue(gpu.Node, out var owned))
            ownedOn.Add(gpu.Node, owned = []);
        owned.Add(gpu);
        Count(gpu);
    }

    /// <summary>Takes a gpu back from the job that has it.</summary>
    public void Release(GpuId gpu)
    {
        Uncount(gpu);
        owners.Remove(gpu);
        ownedOn[gpu.Node].Remove(gpu);
        if (ownedOn[gpu.Node].Count == 0)
            ownedOn.Remove(gpu.Node);
        Count(gpu);
    }

    private static IEnumerable<GpuId> IdsOf(NodeReported? report) =>
        report is null ? [] : report.Gpus.Select(gpu => new GpuId(report.Node, gpu.Index));

    private void Count(GpuId gpu)
    {
        Uncount(gpu);
        if (!described.TryGetValue(gpu, out var description) || !nodes[gpu.Node].Up || unschedulable.Contains(gpu)
            || ((setAside.Contains(gpu.Node) || IsCordoned(gpu)) && !owners.ContainsKey(gpu)))
        {
            return;
        }
        var deviceClass = description.DeviceClass;
        counted.Add(gpu, deviceClass);
        inService[deviceClass] = inService.GetValueOrDefault(deviceClass) + 1;
        if (owners.TryGetValue(gpu, out var job))
        {
            fit[job] = fit.GetValueOrDefault(job) + 1;
            return;
        }

        if (!free.TryGetValue(deviceClass, out var idle))
            free.Add(deviceClass, idle = []);
        idle.Add(gpu);
    }

    private void Uncount(GpuId gpu)
    {
        if (!counted.Remove(gpu, out var deviceClass))
            return;
        inService[deviceClass]--;
        if (!owners.TryGetValue(gpu, out var job))
            free[deviceClass].Remove(gpu);
        else if (--fit[job] == 0)
            fit.Remove(job);
    }
}
