using Coordinator.Machines;
using Coordinator.Machines.Jobs;
using Coordinator.Worker.Programs;
using Coordinator.Worker.Ranks;
using Coordinator.Worker.Transport;

namespace Coordinator.Worker.Agent;

/// <summary>
/// All ranks of a node, and who may order them about. Memberships come before the orders that rest on them, and the data plane
/// learns of a generation before any rank does. What is older than what was obeyed is refused; what rests on a membership that is
/// not known is answered with <see cref="MembershipUnknown"/>.
/// </summary>
public sealed class NodeRanks : IAsyncDisposable
{
    private static readonly TimeSpan LongestSayPeriod = TimeSpan.FromMilliseconds(500);
    private static readonly TimeSpan ShortestSayPeriod = TimeSpan.FromMilliseconds(10);

    private readonly WorkerOptions options;
    private readonly WorkerServices services;
    private readonly DataPlane plane;
    private readonly Action<WorkerMessage> tell;
    private readonly Dictionary<JobId, KnownJob> jobs = [];
    private readonly OrderFence fence = new();
    private readonly RankThreads? threads;
    private readonly CheckpointKeeper keeper;
    private readonly HashSet<Task> background = [];
    private readonly Lock gate = new();
    private TaskCompletionSource? leaving;
    private bool disposed;

    /// <summary>No ranks yet. <paramref name="tell"/> must not block.</summary>
    public NodeRanks(WorkerOptions options, WorkerServices services, DataPlane plane, Action<WorkerMessage> tell)
    {
        (this.options, this.services, this.plane, this.tell) = (options, services, plane, tell);
        keeper = new CheckpointKeeper(options, services, tell);
        threads = options.Gpus.Count > RankThreads.MostOwn ? RankThreads.Shared(options.Node.Value) : null;
    }

    /// <summary>Where every rank is, for heartbeats.</summary>
    public IReadOnlyList<RankPosition> Positions
    {
        get
        {
            lock (gate)
            {
                return [.. jobs.Values.SelectMany(job => job.Slots.Values).Select(slot => slot.Position).OfType<RankPosition>().OrderBy(
                    rank => rank.GpuIndex)];
            }
        }
    }

    /// <summary>Jobs of which this worker may hold what they need.</summary>
    public IReadOnlyList<JobId> Held
    {
        get
        {
            lock (gate)
                return [.. jobs.Values.Where(job => job.Slots.Values.Any(slot => !slot.MayEnd)).Select(job => job.Id)];
        }
    }

    /// <summary>Does what the silo says.</summary>
    /// <exception cref="FormatException">The message is none that a silo sends.</exception>
    public void Handle(CoordinatorMessage message)
    {
        lock (gate)
        {
            if (disposed)
                return;
            switch (message)
            {
                case MembershipChanged changed:
                    Change(changed.Change);
                    break;
                case ShardsAssigned assignment:
                    if (fence.WhyRefused(assignment.Job, assignment.Incarnation) is null)
                        JobOf(assignment.Job).Take(assignment);
                    break;
                case RankOrdered ordered:
                    Obey(ordered.Order);
                    break;
                case CheckpointOrder order when fence.WhyRefused(order.Job, order.Incarnation) is null
                    && jobs.TryGetValue(order.Job, out var saving):
                    fence.Heed(order.Job, order.Incarnation);
                    if (order is SaveCheckpoint save)
                    {
                        foreach (var slot in saving.Slots.Values.Where(slot => !slot.Released))
                            slot.Post(new SaveOrdered(save));
                    }
                    else
                    {
                        InBackground(() => keeper.CarryOutAsync(order));
                    }

                    break;
                case StepsRecorded recorded when jobs.TryGetValue(recorded.Job, out var job) && job.IsNews(recorded):
                    foreach (var slot in job.Slots.Values)
                        slot.Post(new RecordsTaken(recorded.Timeline, recorded.Through));
                    break;
            }
        }
    }

    /// <summary>There is a new connection to a silo.</summary>
    public void SiloReached()
    {
        lock (gate)
        {
            foreach (var slot in jobs.Values.SelectMany(job => job.Slots.Values))
                slot.Post(new SiloReached());
        }
    }

    /// <summary>Asks the jobs to go on without this worker; the task ends when they all do, and none needs a state that is here.</summary>
    public Task LeaveAsync(string reason)
    {
        lock (gate)
        {
            leaving ??= new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
            foreach (var slot in jobs.Values.SelectMany(job => job.Slots.Values).Where(slot => !slot.MayEnd))
                slot.Post(new LeaveRequested(reason));
            SeeWhetherLeft();
            return leaving.Task;
        }
    }

    /// <summary>
    /// Ends every rank; when it returns none of their threads is left, but for those that storage, a silo or a device holds for longer than
    /// <see cref="WorkerOptions.EndTimeout"/>: they end with the process, for which nobody has to wait.
    /// </summary>
    public async ValueTask DisposeAsync()
    {
        Task[] ending;
        lock (gate)
        {
            disposed = true;
            foreach (var job in jobs.Values)
            {
                foreach (var slot in job.Slots.Values.ToArray())
                    GiveUp(job, slot);
            }

            ending = [.. background];
        }

        try
        {
            await Task.WhenAll(ending).WaitAsync(options.EndTimeout).ConfigureAwait(false);
        }
        catch (TimeoutException)
        {
            services.Log.Warn($"what {ending.Count(task => !task.IsCompleted)} ranks wait for did not end within "
                + $"{options.EndTimeout.TotalSeconds:0.#} s: it is left behind");
            return;
        }

        threads?.Dispose();
    }

    private void Change(MembershipChange change)
    {
        if (fence.WhyRefused(change.Job, change.Incarnation) is { } refusal)
        {
            services.Log.Warn($"{change.Job}: refused a membership: {refusal}");
            return;
        }

        var job = JobOf(change.Job);
        if (job.Members is { } known && known.Generation >= change.ToGeneration)
            return;
        var spec = change.Spec ?? job.Spec;
        if (spec is null || (job.Members ?? Membership.None(change.Job)).After(change) is not { } next)
        {
            AskForMembership(change.Job, change.ToGeneration);
            return;
        }

        var key = Convert.FromBase64String(change.Key);
        fence.Heed(change.Job, change.Incarnation);
        (job.Members, job.Spec) = (next, spec);
        if (!next.Members.Any(member => member.Gpu.Node == options.Node && member.Boot == options.Boot))
        {
            plane.Leave(change.Job, next.Generation);
            return;
        }

        // Whoever is new in a generation needs what the others have, and one of them is enough to see that it is there.
        if (next.Members[0].Gpu.Node == options.Node)
            _ = Task.Run(() => services.Programs.KeepAsync(spec));
        plane.Join(new GenerationSpec
        {
            Members = next,
            Key = key,
            Incarnation = change.Incarnation,
            BlockBytes = spec.Collective.BlockElements * sizeof(float),
            PeerTimeout = spec.FaultTolerance.PeerTimeout,
            BlocksPerRankPair = ((spec.Collective.WindowBlocks + 2) * spec.Training.Shards) + 1024,
        });
    }

    private void Obey(RankOrder order)
    {
        if (order.Gpu.Node != options.Node || order.Gpu.Index >= options.Gpus.Count)
        {
            services.Log.Warn($"{order.Job}: refused an order for {order.Gpu}, which this worker does not have");
            return;
        }

        if (fence.WhyRefused(order) is { } refusal)
        {
            services.Log.Warn($"{order.Job}: refused {order.GetType().Name} for {order.Gpu}: {refusal}");
            return;
        }

        var job = JobOf(order.Job);
        if (order is ReleaseRank release)
        {
            fence.Obey(order);
            Release(job, release);
            tell(new RankReleased { Job = release.Job, Generation = release.Generation, Gpu = release.Gpu, Forgot = release.Forget });
            SeeWhetherLeft();
            return;
        }

        if (job.Members is not { } members || job.Spec is not { } spec || members.Generation < order.Generation)
        {
            AskForMembership(order.Job, order.Generation);
            return;
        }

        var rank = members.RankOf(order.Gpu);
        if (members.Generation > order.Generation || rank < 0 || members.Members[rank].Boot != options.Boot)
        {
            services.Log.Warn($"{order.Job}: refused {order.GetType().Name} of generation {order.Generation} for {order.Gpu}, which is no "
                + $"member of generation {members.Generation} in this process");
            return;
        }

        if (WhyOfAnotherClass(order) is { } mismatch)
        {
            // Silence would cost the job its whole answer timeout, and leave nobody the reason.
            services.Log.Warn($"{order.Job}: refused the plan for {order.Gpu}: {mismatch}");
            Fault(order.Job, order.Generation, order.Gpu, mismatch, FaultKind.Worker);
            return;
        }

        GenerationCuts? cuts = null;
        if (order is RankPlan { FirstStepShards.Count: 0 } bare)
        {
            // What its plans share was lost on the way, or comes later: the job repeats both.
            if (job.AssignmentOf(bare) is not { } assignment)
                return;
            (order, cuts) = (bare with { FirstStepShards = job.RunsOf(assignment, members, spec) }, job.CutsOf(assignment, members, spec));
        }

        fence.Obey(order);
        if (job.Slots.TryGetValue(order.Gpu, out var slot) && slot.HasLostDevice && order.Generation > slot.Generation)
        {
            // It has said that its device is lost for as long as its generation stood. A new generation begins with a new device.
            GiveUp(job, slot);
            slot = null;
        }

        if (slot is null)
        {
            if (leaving is not null)
            {
                Fault(order.Job, order.Generation, order.Gpu, "the worker is ending", FaultKind.Worker);
                return;
            }

            slot = job.Slots[order.Gpu] = new RankSlot(order.Gpu);
            var (made, gone) = (slot, slot.Gone);

            // Opening data or loading a library may hold a thread for long, and those of the pool carry what the silo is told meanwhile.
            background.Add(Task.Factory.StartNew(
                () => Make(job, made, spec, gone), CancellationToken.None, TaskCreationOptions.LongRunning, TaskScheduler.Default));
            InBackground(() => SayPreparingAsync(job, made, spec));
        }

        slot.Released = false;
        slot.HadPlan |= order is RankPlan;
        slot.Generation = order.Generation;
        slot.HeardSinceReady = slot.IsReady;
        slot.Post(new OrderArrived(order, members, cuts));
    }

    /// <summary>
    /// Why a plan is not for this worker's device. The last fence before bits that no other rank of the job would compute.
    /// </summary>
    private string? WhyOfAnotherClass(RankOrder order)
    {
        if (order is not RankPlan { DeviceClass: { Length: > 0 } planned })
            return null;
        var device = options.Gpus[order.Gpu.Index];
        return device.DeviceClass == planned ? null : $"the plan is for devices of class {planned}, and {device.Device} is of class "
            + $"{device.DeviceClass}: it would compute other bits";
    }

    private void Release(KnownJob job, ReleaseRank release)
    {
        services.Log.Info($"{release.Job}: {release.Gpu} is released: {release.Reason}");
        if (job.Slots.TryGetValue(release.Gpu, out var slot))
        {
            slot.Released = true;
            slot.Generation = release.Generation;
            slot.HeardSinceReady = slot.IsReady;
            slot.Post(new OrderArrived(release, null));
            if (release.Forget)
                GiveUp(job, slot);
        }

        if (job.Slots.Values.All(other => other.Released))
            plane.Leave(release.Job, release.Generation);
    }

    /// <summary>
    /// Says that a rank prepares, for as long as it does: whoever waits for its answer can tell slow from dead. Where the job went on
    /// without it, says that it is ready, until the job is heard.
    /// </summary>
    private async Task SayPreparingAsync(KnownJob job, RankSlot slot, JobSpec spec)
    {
        var began = Monotonic.Now;
        var period = spec.FaultTolerance.AnswerTimeout / 4 < LongestSayPeriod ? spec.FaultTolerance.AnswerTimeout / 4 : LongestSayPeriod;
        using var timer = new PeriodicTimer(period > ShortestSayPeriod ? period : ShortestSayPeriod);
        try
        {
            // A program's process takes seconds to start: whoever would wait for it is told at once.
            for (var isFirst = spec.Program is not null; isFirst
                || await timer.WaitForNextTickAsync(slot.Gone).ConfigureAwait(false); isFirst = false)
            {
                lock (gate)
                {
                    if (!IsCurrent(job, slot) || (slot.IsReady && (!slot.Released || slot.HeardSinceReady)))
                        return;
                    tell(new RankPreparing
                    {
                        Job = job.Id,
                        Generation = slot.Generation,
                        Gpu = slot.Gpu,
                        What = spec.Program is null ? "making its program" : "starting its program",
                        Milliseconds = (Monotonic.Now - began).TotalMilliseconds,
                        Ready = slot.IsReady,
                    });
                }
            }
        }
        catch (Exception e) when (e is OperationCanceledException or ObjectDisposedException)
        {
            // The slot was given up.
        }
    }

    private void Make(KnownJob job, RankSlot slot, JobSpec spec, CancellationToken gone)
    {
        try
        {
            var device = services.Programs.Create(job.Id, spec, slot.Gpu, gone);

            // Its first gradient is made here, outside the lock: the worker answers meanwhile, and its heart beats.
            var host = new RankHost(
                new RankHostOptions { Job = job.Id, Spec = spec, Gpu = slot.Gpu, Boot = options.Boot, Checkpoints = services.Checkpoints },
                device,
                new Outlet(plane, job.Id, tell),
                services.Models,
                options.Faults,
                services.Log,
                threads: threads);
            var isCurrent = false;
            lock (gate)
            {
                isCurrent = IsCurrent(job, slot);
                if (isCurrent)
                    Seat(job, slot, host);
            }

            if (!isCurrent)
                host.Dispose();
        }
        catch (Exception e)
        {
            lock (gate)
            {
                if (!IsCurrent(job, slot))
                    return;
                services.Log.Warn($"{job.Id}: {slot.Gpu} cannot take part: {e.Message}");
                Fault(job.Id, slot.Generation, slot.Gpu, e.Message, RankFaultException.KindOf(e));
                GiveUp(job, slot);
                SeeWhetherLeft();
            }
        }
    }

    private void Seat(KnownJob job, RankSlot slot, RankHost host)
    {
        _ = host.Over.ContinueWith(over => OnOver(job, slot, over.Result), TaskScheduler.Default);
        slot.Fill(host);
        plane.Attach(job.Id, slot.Gpu, host);
        if (leaving is not null)
            host.Post(new LeaveRequested("the worker was asked to end"));
    }

    private void OnOver(KnownJob job, RankSlot slot, Exception? broken)
    {
        if (broken is null)
            return;
        lock (gate)
        {
            if (!IsCurrent(job, slot))
                return;
            Fault(job.Id, slot.Generation, slot.Gpu, $"{broken.GetType().Name}: {broken.Message}", RankFaultException.KindOf(broken));
            GiveUp(job, slot);
            SeeWhetherLeft();
        }
    }

    private void GiveUp(KnownJob job, RankSlot slot)
    {
        plane.Detach(job.Id, slot.Gpu);
        job.Slots.Remove(slot.Gpu);
        InBackground(() =>
        {
            slot.Dispose();
            return Task.CompletedTask;
        });
    }

    private void Fault(JobId job, long generation, GpuId gpu, string detail, FaultKind kind) =>
        tell(new RankFaulted
        {
            Job = job,
            Generation = generation,
            Gpu = gpu,
            Detail = detail,
            Kind = kind,
            Impossible = kind == FaultKind.Job,
        });

    /// <summary>Once for all ranks of the worker: orders for each of them may have come without their membership.</summary>
    private void AskForMembership(JobId job, long generation)
    {
        if (JobOf(job).MayAsk(generation))
            tell(new MembershipUnknown { Job = job, Generation = generation, Node = options.Node });
    }

    private void SeeWhetherLeft()
    {
        if (leaving is not null && jobs.Values.All(job => job.Slots.Values.All(slot => slot.MayEnd)))
            leaving.TrySetResult();
    }

    private bool IsCurrent(KnownJob job, RankSlot slot) => job.Slots.GetValueOrDefault(slot.Gpu) == slot;

    private KnownJob JobOf(JobId id)
    {
        if (!jobs.TryGetValue(id, out var job))
            job = jobs[id] = new KnownJob(id);
        return job;
    }

    /// <summary>Runs what takes long outside the lock; the worker's end waits for it.</summary>
    private void InBackground(Func<Task> work)
    {
        background.RemoveWhere(task => task.IsCompleted);
        background.Add(Task.Run(work));
    }

    private sealed class Outlet(DataPlane plane, JobId job, Action<WorkerMessage> tell) : IRankOutlet
    {
        public void Tell(WorkerMessage message) => tell(message);

        public void Send(in FrameHeader header, in OutgoingPayload payload) => plane.Send(job, header, payload);
    }
}
