using Coordinator.Machines;
using Coordinator.Simulator.World;

namespace Coordinator.Simulator.Workers;

/// <summary>
/// The node agent's rules, as the real agent has them: connect and stay connected, keep each job's membership by its chain of
/// changes, and pass orders to the ranks unless a fence stops them:
/// <list type="bullet">
/// <item>a change of a lower incarnation, or to a generation not above the known one, is dropped;</item>
/// <item>a change that does not follow the known membership is answered with <see cref="MembershipUnknown"/>;</item>
/// <item>an order lower by (incarnation, generation) than one obeyed is refused;</item>
/// <item>an order whose generation's membership is not known is answered with <see cref="MembershipUnknown"/>;</item>
/// <item>a plan whose assignment of shards has not come yet is dropped: both are repeated;</item>
/// <item>an order for a member of another boot was meant for a process that is gone, and is dropped.</item>
/// </list>
/// </summary>
internal sealed class WorkerAgent(SimulatedWorker process)
{
    private static readonly TimeSpan WelcomeTimeout = TimeSpan.FromMilliseconds(700);

    private readonly SortedDictionary<JobId, JobSeat> seats = [];
    private ControlLink? link;
    private bool welcome;
    private long connections;
    private long beats;
    private int attempts;
    private bool leaving;

    /// <summary>Hosts of all ranks of this process, by job and gpu.</summary>
    public IEnumerable<SimulatedRank> Ranks => seats.Values.SelectMany(seat => seat.Ranks.Values);

    private VirtualWorld World => process.World;

    public void Begin() => process.Post(World.Network.Between(TimeSpan.Zero, TimeSpan.FromMilliseconds(50)), Connect, timer: true);

    public void Died()
    {
        link?.WorkerGone("connection reset");
        link = null;
    }

    /// <summary>Says something to the silo over the connection that stands; without one it is dropped, and its sayer repeats it.</summary>
    public void Say(WorkerMessage message)
    {
        if (link is not null && welcome)
            link.SendToSilo(message);
    }

    public void OnSaid(ControlLink from, CoordinatorMessage message)
    {
        if (from != link)
            return;
        World.Note(process.Name, "hears", 0, 0, message);
        switch (message)
        {
            case Welcome hello when hello.Session == new WorkerSession(process.Boot, connections):
                if (!welcome)
                {
                    welcome = true;
                    attempts = 0;
                    Heartbeat(link, hello.HeartbeatPeriod);
                }

                foreach (var rank in Ranks.ToArray())
                    rank.OnSiloReached();
                break;
            case WorkerRefused refused when refused.Session == new WorkerSession(process.Boot, connections):
                from.WorkerGone("refused");
                (link, welcome) = (null, false);
                Retry();
                break;
            case HelloWanted wanted when wanted.Session == new WorkerSession(process.Boot, connections):
                link.SendToSilo(Introduction() with { Proof = wanted.Proof });
                break;
            case MembershipChanged changed:
                OnMembershipChanged(changed.Change);
                break;
            case ShardsAssigned assignment:
                OnShardsAssigned(assignment);
                break;
            case RankOrdered ordered:
                OnOrder(ordered.Order);
                break;
            case CheckpointOrder order:
                OnCheckpointOrder(order);
                break;
            case StepsRecorded recorded:
                if (seats.TryGetValue(recorded.Job, out var seat))
                {
                    foreach (var rank in seat.Ranks.Values)
                        rank.OnRecorded(recorded.Timeline, recorded.Through);
                }

                break;
        }
    }

    public void OnLinkEnded(ControlLink ended, string reason)
    {
        if (ended != link)
            return;
        World.Note(process.Name, "loses the silo", 0, 0, reason);
        (link, welcome) = (null, false);
        Retry();
    }

    public void OnFrame(JobId job, FrameHeader header, ulong word, FrameHeader truth)
    {
        if (!seats.TryGetValue(job, out var seat))
            return;
        var member = seat.Members is { } members && members.Generation == header.Generation && header.To < members.Members.Count
            ? members.Members[header.To]
            : null;
        if (member is null || member.Gpu.Node != process.Node)
            return;
        if (seat.Ranks.TryGetValue(member.Gpu.Index, out var rank) && rank.Generation >= header.Generation)
            rank.OnFrame(header, word, truth);
        else
            seat.HoldFor(member.Gpu.Index, header, word, truth);
    }

    public void OnPeerLost(JobId job, PeerLost lost)
    {
        if (!seats.TryGetValue(job, out var seat))
            return;
        if (lost.Generation == seat.Members?.Generation)
            seat.Losses.Add(lost);
        foreach (var rank in seat.Ranks.Values)
            rank.Handle(lost);
    }

    /// <summary>SIGTERM: the ranks ask to be left out, and the process ends once they are and what they hold is of no more use.</summary>
    public void Leave()
    {
        leaving = true;
        World.Note(process.Name, "is asked to leave");
        foreach (var rank in Ranks.ToArray())
            rank.Handle(new LeaveRequested("asked to end"));
        EndIfLetGo();
        if (World.Options.Plant == PlantedBug.LastRankLeavesEarly)
            process.Post(TimeSpan.FromMilliseconds(1), End);
    }

    private void Connect()
    {
        if (link is not null)
            return;
        if (!process.Silo.Alive || process.Silo.Frozen || process.Network.Map.IsCut(process.Node, NetworkMap.Silo)
            || process.Network.Map.IsCut(NetworkMap.Silo, process.Node))
        {
            Retry();
            return;
        }

        var mine = new ControlLink(process, process.Silo, process.Network.Map, process.Scenario);
        (link, welcome) = (mine, false);
        connections++;
        mine.SendToSilo(Introduction());
        process.Post(WelcomeTimeout, () =>
        {
            if (link != mine || welcome)
                return;
            mine.WorkerGone("no welcome");
            link = null;
            Retry();
        }, timer: true);
    }

    private Hello Introduction() => new()
    {
        Node = process.Node,
        Session = new WorkerSession(process.Boot, connections),
        DataAddress = $"{process.Node}:7000",
        ProcessId = process.Life,
        Gpus = [.. Enumerable.Range(0, process.Scenario.GpusPerNode).Select(i => new GpuDescription(i, "toy", "toy", "cpu"))],
    };

    /// <summary>Backoff doubles from 20 ms to 640 ms, with jitter.</summary>
    private void Retry()
    {
        var limit = TimeSpan.FromMilliseconds(20 << Math.Min(attempts++, 5));
        process.Post(World.Network.Between(limit / 2, limit), Connect, timer: true);
    }

    private void Heartbeat(ControlLink on, TimeSpan period)
    {
        if (link != on)
            return;
        Say(new Heartbeat(++beats, [.. Ranks.Select(rank => rank.Position)]));
        process.Post(period, () => Heartbeat(on, period), timer: true);
    }

    private void OnMembershipChanged(MembershipChange change)
    {
        if (!seats.TryGetValue(change.Job, out var seat))
            seats.Add(change.Job, seat = new JobSeat());
        if (change.Incarnation < seat.Incarnation || change.ToGeneration <= (seat.Members?.Generation ?? 0))
        {
            if (World.Options.Plant == PlantedBug.DeltaAppliedTwice && change.FromGeneration > 0
                && change.ToGeneration == seat.Members?.Generation)
            {
                Adopt(seat, seat.Members.Apply(change.ToGeneration, change.Removed, change.Added), change);
            }
            return;
        }

        var next = (seat.Members ?? Membership.None(change.Job)).After(change);
        if (next is null || (seat.Spec ?? change.Spec) is null)
        {
            Say(new MembershipUnknown { Job = change.Job, Generation = change.ToGeneration, Node = process.Node });
            return;
        }

        Adopt(seat, next, change);
        process.Peers.Adopt(next);
    }

    private void OnShardsAssigned(ShardsAssigned assignment)
    {
        if (seats.TryGetValue(assignment.Job, out var seat)
            && (assignment.Incarnation, assignment.Generation).CompareTo(
                (seat.Assignment?.Incarnation ?? 0, seat.Assignment?.Generation ?? 0)) > 0)
        {
            seat.Assignment = assignment;
        }
    }

    private void OnCheckpointOrder(CheckpointOrder order)
    {
        if (!seats.TryGetValue(order.Job, out var seat) || order.Incarnation < seat.Incarnation)
            return;
        switch (order)
        {
            case SaveCheckpoint save:
                foreach (var rank in seat.Ranks.Values)
                    rank.OnSaveOrdered(save);
                break;
            case SealCheckpoint seal:
                process.Post(process.Scenario.ApplyTime, () => Say(process.Folder.Seal(seal) is { } failure
                    ? new CheckpointFailed
                    {
                        Job = seal.Job,
                        Generation = seal.Generation,
                        Node = process.Node,
                        Checkpoint = seal.Checkpoint,
                        Detail = failure,
                    }
                    : new CheckpointSealed
                    {
                        Job = seal.Job,
                        Generation = seal.Generation,
                        Node = process.Node,
                        Checkpoint = seal.Checkpoint,
                        ManifestSha256 = seal.Checkpoint.Name,
                    }));
                break;
            case PruneCheckpoints prune:
                process.Folder.Prune(prune.Keep);
                break;
        }
    }

    private void Adopt(JobSeat seat, Membership next, MembershipChange change)
    {
        process.Checkers.Orders.OnAdopted(process.Node, next);
        seat.Adopt(next, change);
    }

    private void OnOrder(RankOrder order)
    {
        if (order.Gpu.Node != process.Node || order.Gpu.Index >= process.Scenario.GpusPerNode)
            return;
        seats.TryGetValue(order.Job, out var seat);
        if (order is ReleaseRank release)
        {
            var isObeyed = true;
            if (seat is not null && seat.Ranks.TryGetValue(order.Gpu.Index, out var released) && (isObeyed = seat.Obeys(order)))
                released.OnOrder(order, null);
            if (seat is not null && seat.Preparing.TryGetValue(order.Gpu.Index, out var slow))
                (slow.Waiting, slow.Generation, slow.IsHeard) = (null, order.Generation, World.Now >= slow.Until);
            Say(new RankReleased
            {
                Job = order.Job,
                Generation = order.Generation,
                Gpu = order.Gpu,
                Forgot = isObeyed && release.Forget,
            });
            EndIfLetGo();
            return;
        }

        if (seat is not null && !seat.Obeys(order))
        {
            World.Note(process.Name, "refuses", order.Incarnation, order.Generation, order);
            if (World.Options.Plant == PlantedBug.StaleIncarnationObeyed && order is PrepareRank
                && seat.Ranks.TryGetValue(order.Gpu.Index, out var misled))
            {
                misled.OnOrder(order, seat.Members);
            }
            return;
        }

        if (seat?.Members is not { } members || members.Generation != order.Generation)
        {
            Say(new MembershipUnknown { Job = order.Job, Generation = order.Generation, Node = process.Node });
            return;
        }

        var number = members.RankOf(order.Gpu);
        if (number < 0 || members.Members[number].Boot != process.Boot)
            return;
        if (order is RankPlan { FirstStepShards.Count: 0 } bare)
        {
            // What its plans share comes with each repetition of them.
            if (seat.Assignment is not { } assignment
                || (assignment.Incarnation, assignment.Generation) != (order.Incarnation, order.Generation))
            {
                return;
            }
            order = bare with { FirstStepShards = ShardAssignment.Unfold(assignment, process.Model.Shards) };
        }

        seat.Obey(order);
        if (!seat.Ranks.TryGetValue(order.Gpu.Index, out var rank))
        {
            if (MustWait(seat, order))
                return;
            seat.Ranks.Add(order.Gpu.Index, rank = new SimulatedRank(process, order.Job, order.Gpu));
            foreach (var lost in seat.Losses)
                rank.Handle(lost);
            if (leaving)
                rank.Handle(new LeaveRequested("asked to end"));
        }

        if (order is RankPlan)
            process.Peers.OnPlan(order.Job, order.Generation);
        rank.OnOrder(order, members);
        if (rank.Generation < members.Generation)
            return;
        foreach (var (header, word, truth) in seat.TakeHeld(order.Gpu.Index))
            rank.OnFrame(header, word, truth);
    }

    /// <summary>Whether the rank's program is still being made; the order waits then, and the process says so meanwhile.</summary>
    private bool MustWait(JobSeat seat, RankOrder order)
    {
        if (process.Scenario.SlowStart == TimeSpan.Zero && process.Programs is null)
            return false;
        if (!seat.Preparing.TryGetValue(order.Gpu.Index, out var slow))
        {
            slow = new SlowStart(World.Now + (process.Programs?.NextStart() ?? process.Scenario.SlowStart));
            seat.Preparing.Add(order.Gpu.Index, slow);
            SayPreparing(seat, order.Job, order.Gpu, slow);
        }

        (slow.Waiting, slow.Generation) = (order, order.Generation);
        if (World.Now < slow.Until)
            return true;
        slow.IsHeard = true;
        seat.Preparing.Remove(order.Gpu.Index);
        return false;
    }

    private void SayPreparing(
        JobSeat seat, JobId job, GpuId gpu, SlowStart slow) => process.Post(process.Scenario.Spec.FaultTolerance.AnswerTimeout / 4, () =>
    {
        var isReady = World.Now >= slow.Until;
        if (slow.IsHeard)
            return;
        if (isReady && slow.Waiting is { } waiting)
        {
            OnOrder(waiting);
            return;
        }

        Say(new RankPreparing { Job = job, Generation = slow.Generation, Gpu = gpu, What = "making its program", Ready = isReady });
        SayPreparing(seat, job, gpu, slow);
    }, timer: true);

    private void EndIfLetGo()
    {
        if (leaving && Ranks.All(rank => rank.MayEnd))
        {
            process.Post(TimeSpan.FromMilliseconds(1), () =>
            {
                if (process.Alive && Ranks.All(rank => rank.MayEnd))
                    End();
            });
        }
    }

    private void End()
    {
        foreach (var rank in Ranks)
            rank.OnEnd();
        process.Network.OnGivingUp(process);
        process.Kill();
    }
}
