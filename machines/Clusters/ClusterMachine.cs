using System.Text.Json;

namespace Coordinator.Machines.Clusters;

/// <summary>
/// The inventory, and who has what. Nodes report themselves; jobs say what they want and what they still use. A gpu changes hands only
/// when its job has said that it no longer uses it, which it says only after its generation without the gpu is durable.
/// <para>
/// Idle case: nodes repeat what is known, and nothing comes of it. Bursty case: this grain is loaded anew, and every node of a job
/// reports within seconds; the job hears of it in a few offers, since each holds all of its gpus.
/// </para>
/// What power and cooling allow is in the other part of the class.
/// </summary>
public sealed partial class ClusterMachine : IMachine
{
    /// <summary>
    /// A job hears of a change at once, and of further ones not before this has passed; the answer to what it asks comes at once and counts
    /// for neither.
    /// </summary>
    private static readonly TimeSpan OfferPause = TimeSpan.FromMilliseconds(100);

    /// <summary>Added to the pause for each gpu of the job.</summary>
    private static readonly TimeSpan OfferPausePerGpu = TimeSpan.FromMicroseconds(10);

    private readonly GpuInventory inventory = new();
    private readonly SortedDictionary<JobId, Allocation> allocations = [];
    private long incarnation;
    private long writes;
    private long sequence;
    private TimeSpan now;
    private Outputs outputs = new();

    /// <summary>Whether something changed that is not durable and that no job has heard of.</summary>
    private bool isAhead;

    /// <summary>A cluster as stored, or an empty one.</summary>
    public ClusterMachine(string? stateJson)
    {
        if (stateJson is null)
            return;
        var state = Contracts.ReadState<ClusterState>(Address, stateJson);
        incarnation = state.Incarnation;
        LoadLimits(state);
        LoadWatched(state);
        LoadDrains(state);
        foreach (var stored in state.Allocations)
        {
            var allocation = new Allocation
            {
                Wanted = stored.Wanted,
                DeviceClass = stored.DeviceClass,
                Priority = stored.Priority,
                Minimum = stored.Minimum,
                PerNode = stored.PerNode,
                IsGang = stored.Gang,
            };
            allocations.Add(stored.Job, allocation);

            // What a job used is not stored; until the job says, everything it has counts as used.
            allocation.Used.UnionWith(stored.Gpus);
            foreach (var gpu in stored.Gpus)
                Add(stored.Job, allocation, gpu);
            allocation.SaidUsed = stored.Gpus;
        }

        LoadWithdrawn(state);
    }

    /// <inheritdoc/>
    public GrainAddress Address => GrainAddress.Cluster;

    /// <inheritdoc/>
    public TimeSpan? NextDeadline { get; private set; }

    /// <inheritdoc/>
    public void Handle(TimeSpan now, GrainMessage message, Outputs outputs)
    {
        (this.now, this.outputs) = (now, outputs);
        switch (message)
        {
            case Activated activated:
                incarnation++;
                BeginDrains(activated.At);
                Persist(outputs);
                break;
            case NodeReported report:
                OnNode(report, outputs);
                break;
            case NodeUnreached unreached:
                OnUnreached(unreached);
                break;
            case GpuConditionReported condition:
                OnCondition(condition);
                break;
            case GpusRequested request:
                OnRequest(request, outputs);
                break;
            default:
                OnOperator(message);
                break;
        }

        if (GiveAnotherChance() || now >= limitsAt)
            Settle(outputs, []);
        if (now >= recordAt)
            Persist(outputs);
        NextDeadline = Earlier(Earlier(limitsAt, NextChance), recordAt);
        foreach (var (job, allocation) in allocations)
        {
            if (!allocation.OwesOffer)
                continue;
            if (allocation.IsAsking || now >= allocation.QuietUntil)
                Offer(job, allocation, outputs);
            else if (NextDeadline is null || allocation.QuietUntil < NextDeadline)
                NextDeadline = allocation.QuietUntil;
        }
    }

    /// <inheritdoc/>
    public string Describe(TimeSpan now) => JsonSerializer.Serialize(
        new ClusterView(
            [.. inventory.Nodes.Select(node => new ClusterNodeView(
                node.Node,
                node.Up,
                node.Gpus.Count,
                node.Up ? node.Gpus.Count(gpu => IsUnowned(new GpuId(node.Node, gpu.Index))) : 0,
                node.Gpus is [var first, ..] ? first.DeviceClass : "")
            {
                MemoryBytes = node.Gpus.Any(gpu => gpu.MemoryBytes == 0)
                    ? 0
                    : node.Gpus.Select(gpu => gpu.MemoryBytes).DefaultIfEmpty().Max(),
                Labels = node.Labels,
            })],
            [.. Stored().Select(view => view with { Waits = WaitsOf(view.Job, allocations[view.Job]) })])
        {
            Power = DescribePower(),
            Cooling = DescribeCooling(),
            Drains = DescribeDrains(),
        },
        MachinesJson.Default.ClusterView);

    private bool IsUnowned(GpuId gpu) => inventory.OwnerOf(gpu) is null && !inventory.IsCordoned(gpu);

    private AllocationView[] Stored() =>
        [.. allocations.Select(pair => new AllocationView(pair.Key, pair.Value.Wanted, [.. pair.Value.Gpus])
        {
            DeviceClass = pair.Value.DeviceClass,
            Priority = pair.Value.Priority,
            Minimum = pair.Value.Minimum,
            PerNode = pair.Value.PerNode,
            Gang = pair.Value.IsGang,
        })];

    private void Persist(Outputs outputs)
    {
        isAhead = false;
        outputs.Add(new PersistState(JsonSerializer.Serialize(
            WithLimits(new ClusterState(incarnation, Stored())
            {
                Watched = [.. watched.Values],
                Drains = [.. drains.All],
                Withdrawn = StoredWithdrawn(),
            }),
            MachinesJson.Default.ClusterState), incarnation, ++writes));
        TakeConditions();
    }

    private static TimeSpan? Earlier(TimeSpan? a, TimeSpan? b) => a is null ? b : b is null || a < b ? a : b;

    private void OnNode(NodeReported report, Outputs outputs)
    {
        if (inventory.Find(report.Node) is { } known && (report.Session, report.Sequence).CompareTo((known.Session, known.Sequence)) < 0)
        {
            // The node was loaded anew and counts from the beginning: it hears where the count stands and goes on from there.
            TakeReport(known);
            return;
        }

        var isNews = inventory.Report(report);
        ForgetIfMoved(report);
        TakeReport(report);
        if (!isNews)
            return;
        NoteLoad(report);
        Settle(outputs, inventory.OwnersOn(report.Node));
    }

    private void OnRequest(GpusRequested request, Outputs outputs)
    {
        if (!allocations.TryGetValue(request.Job, out var allocation))
        {
            if (request.Wanted == 0 && request.Used.Count == 0)
            {
                Offer(request.Job, new Allocation { IsGang = request.Gang, JobIncarnation = request.Incarnation }, outputs);
                return;
            }

            allocation = new Allocation();
            allocations.Add(request.Job, allocation);
        }

        if ((request.Incarnation, request.Sequence).CompareTo((allocation.JobIncarnation, allocation.JobSequence)) < 0)
            return;
        (allocation.JobIncarnation, allocation.JobSequence) = (request.Incarnation, request.Sequence);
        NoteHeard(allocation, request.Heard);
        allocation.Wanted = request.Wanted;
        allocation.DeviceClass = request.DeviceClass;
        allocation.Priority = request.Priority;
        allocation.Minimum = request.Minimum;
        (allocation.PerNode, allocation.Avoid, allocation.IsGang) = (request.PerNode, request.Avoid, request.Gang);
        allocation.OneHolder = request.OneHolder;
        if (!allocation.SaidUsed.SequenceEqual(request.Used))
            Use(request.Job, allocation, request.Used);
        NoteParked(allocation, request.Parked);
        allocation.Preferred.Clear();
        allocation.Preferred.UnionWith(request.Preferred);

        allocation.IsAsking = true;
        Settle(outputs, [request.Job]);
    }

    /// <summary>
    /// Takes back what the jobs concerned neither use nor need, gives out what is free to who wants it, and lets the jobs concerned hear of
    /// it. What changed is made durable with the first offer that tells of it: a cluster that comes up reports thousands of nodes one after
    /// the other, and a write of all gpus at each of them would be quadratic.
    /// </summary>
    private void Settle(Outputs outputs, IReadOnlyCollection<JobId> concerned)
    {
        var changed = new SortedSet<JobId>();
        foreach (var job in concerned)
            Reclaim(job, allocations[job], changed);
        Limit(changed);
        StartWaiting(changed);
        Give(changed);
        GiveBack(changed);
        foreach (var job in changed.Concat(concerned).Distinct().ToArray())
        {
            var allocation = allocations[job];
            allocation.OwesOffer = true;
            if (allocation is not { Wanted: 0, Gpus.Count: 0, Used.Count: 0 })
                continue;
            Offer(job, allocation, outputs);
            allocations.Remove(job);
            Persist(outputs);
        }

        isAhead |= changed.Count > 0;
        NoteDrained();
    }

    private void Reclaim(JobId job, Allocation allocation, SortedSet<JobId> changed)
    {
        if (allocation.IsGrown)
            changed.Add(job);
        allocation.IsGrown = false;
        foreach (var gpu in allocation.Unused.Where(gpu => allocation.Limits.ContainsKey(gpu)
            || !inventory.IsFit(gpu)
            || inventory.IsCordoned(gpu)
            || (inventory.IsSetAside(gpu.Node) && !allocation.Preferred.Contains(gpu))
            || !DeviceClasses.Matches(allocation.DeviceClass, ClassOf(gpu)!)).ToArray())
        {
            Take(gpu);
        }
        foreach (var gpu in OfBrokenNodes(allocation))
            Take(gpu);
        foreach (var gpu in allocation.Unused.Reverse().Take(Math.Max(0, ServingOf(job, allocation) - allocation.Wanted)).ToArray())
            Take(gpu);

        // Too few to go on with are of use to others, and it gets them back together with what it lacks.
        if (LackOf(job, allocation) > 0)
        {
            foreach (var gpu in allocation.Unused.ToArray())
                Take(gpu);
        }

        void Take(GpuId gpu)
        {
            allocation.Gpus.Remove(gpu);
            allocation.Unused.Remove(gpu);
            inventory.Release(gpu);
            NoteTaken(allocation, gpu);
            NoteWithdrawn(allocation, gpu);
            changed.Add(job);

            // Two jobs used it, and one of them lets go: it is the other's.
            foreach (var (other, theirs) in allocations.Where(pair => pair.Value.Used.Contains(gpu)).Take(1))
            {
                Add(other, theirs, gpu);
                changed.Add(other);
            }
        }
    }

    /// <summary>Takes a job's word for what it uses. It is its own even if an older cluster grain's memory of that was lost.</summary>
    private void Use(JobId job, Allocation allocation, IReadOnlyList<GpuId> used)
    {
        allocation.SaidUsed = used;
        allocation.Used.Clear();
        allocation.Used.UnionWith(used);
        foreach (var gpu in used.Where(gpu => inventory.OwnerOf(gpu) is null))
        {
            Add(job, allocation, gpu);
            allocation.IsGrown = true;
        }

        allocation.Unused.Clear();
        allocation.Unused.UnionWith(allocation.Gpus.Where(gpu => !allocation.Used.Contains(gpu)));
    }

    private void Add(JobId job, Allocation allocation, GpuId gpu)
    {
        allocation.Gpus.Add(gpu);
        allocation.Withdrawn.Remove(gpu);
        if (!allocation.Used.Contains(gpu))
            allocation.Unused.Add(gpu);
        inventory.Assign(gpu, job);
        NoteGiven(gpu);
    }

    /// <summary>
    /// Whose state one gpu alone holds gets a second one first of all, whatever its priority: another failure would cost it more than a gpu
    /// costs anybody else. Then all get what they want, the most important first.
    /// </summary>
    private void Give(SortedSet<JobId> changed)
    {
        Give(MostImportantFirst.Where(pair => pair.Value is { OneHolder: true, Gpus.Count: < 2 }), 1, changed);
        Give(MostImportantFirst, int.MaxValue, changed);
    }

    private void Give(IEnumerable<KeyValuePair<JobId, Allocation>> jobs, int most, SortedSet<JobId> changed)
    {
        foreach (var (job, allocation) in jobs)
        {
            allocation.Held = null;

            // A member that is down and still used holds its place until the job lets go of it; a spare may come on top meanwhile. What a
            // job has while it is parked serves it again once it goes on.
            if (ServingOf(job, allocation) >= allocation.Wanted || !MayGoOn(job, allocation, changed))
                continue;
            var missing = Math.Min(allocation.Wanted - ServingOf(job, allocation), Math.Max(most, LackOf(job, allocation)));
            var deviceClass = ClassOf(allocation)
                ?? inventory.Free.Where(idle => DeviceClasses.Matches(allocation.DeviceClass, idle.Key))
                    .OrderByDescending(idle => idle.Value.Count)
                    .ThenBy(idle => idle.Key, StringComparer.Ordinal).FirstOrDefault().Key
                ?? allocation.Preferred.Where(inventory.IsFreeThoughSetAside).Select(ClassOf).FirstOrDefault(
                    known => DeviceClasses.Matches(allocation.DeviceClass, known!));
            if (deviceClass is null)
                continue;
            var idle = inventory.FreeOf(deviceClass);

            // A job asks by name for who may hold its state: that one it gets, whether or not peers reach it.
            GpuId[] named = [.. allocation.Preferred.Where(
                gpu => idle.Contains(gpu) || (inventory.IsFreeThoughSetAside(gpu) && ClassOf(gpu) == deviceClass))];
            var preferred = named.Concat(idle.Where(gpu => !allocation.Preferred.Contains(gpu)));
            var count = idle.Count + named.Count(gpu => !idle.Contains(gpu));
            if (allocation.PerNode > 0)
            {
                GpuId[] whole = [.. WholeNodes(allocation, idle)];
                (preferred, count) = (whole, whole.Length);
            }

            var given = 0;
            var together = LackOf(job, allocation);
            if (!MayStartTogether(allocation, deviceClass, preferred, count, together))
                continue;
            foreach (var gpu in MayStart(allocation, deviceClass, preferred, missing, together))
            {
                Add(job, allocation, gpu);
                changed.Add(job);
                given++;
            }

            SayRestored(job, allocation, given);
        }
    }

    /// <summary>What a job that has too few could have, were classes mixed; null where it has enough.</summary>
    private GpuSupply? SupplyFor(JobId job, Allocation allocation)
    {
        if (ServingOf(job, allocation) - WaitingOf(allocation) >= allocation.Wanted)
            return null;
        var wanted = ClassOf(allocation) ?? allocation.DeviceClass;
        return new GpuSupply(
            inventory.InService(wanted),
            [.. inventory.Free.Where(idle => !DeviceClasses.Matches(wanted, idle.Key)).Select(
                idle => new FreeGpus(idle.Key, idle.Value.Count))])
        {
            Held = WaitingOf(allocation) > 0 ? OfRamp : allocation.Held ?? HeldByDrains(wanted) ?? HeldBySetAside(wanted),
            Waits = WaitsOf(job, allocation),
        };
    }

    private string? ClassOf(GpuId gpu) => inventory.DescriptionOf(gpu)?.DeviceClass;

    /// <summary>The class that a job's gpus are of; null while it has none, or none of them is known.</summary>
    private string? ClassOf(Allocation allocation) => allocation.Gpus.Select(ClassOf).FirstOrDefault(found => found is not null);

    private void Offer(JobId job, Allocation allocation, Outputs outputs)
    {
        var offers = allocation.Gpus.Where(gpu => inventory.Find(gpu.Node) is not null).Select(gpu =>
        {
            var node = inventory.Find(gpu.Node)!;
            var description = inventory.DescriptionOf(gpu);
            return new GpuOffer(
                gpu,
                node.Session,
                node.DataAddress,
                description?.DeviceClass ?? "",
                description?.Device ?? "",
                inventory.IsFit(gpu) && !allocation.Limits.ContainsKey(gpu) && !waiting.Contains(gpu))
            {
                NodeUp = node.Up,
                GiveBack = allocation.GivingBack.Contains(gpu) ? allocation.Limits[gpu].Reason : null,
                Drained = inventory.IsCordoned(gpu),
            };
        }).ToArray();
        allocation.OwesOffer = false;
        if (!allocation.IsAsking)
            allocation.QuietUntil = now + OfferPause + (allocation.Gpus.Count * OfferPausePerGpu);
        allocation.IsAsking = false;
        if (isAhead)
            Persist(outputs);
        var offer = new GpusOffered(incarnation, ++sequence, offers)
        {
            Supply = SupplyFor(job, allocation),
            For = allocation.JobIncarnation,
            Confirm = IsAwaited(allocation),
        };
        if (allocation.IsGang)
            outputs.Send(GrainAddress.OfGang(job), new GangOffered(offer));
        else
            outputs.Send(GrainAddress.Of(job), offer);
    }
}
