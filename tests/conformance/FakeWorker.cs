using Coordinator.Machines;
using Coordinator.Machines.Jobs;

namespace Coordinator.Conformance;

/// <summary>
/// A worker process as far as its silo can tell: it says hello, sends heartbeats, and, where it was told to train, obeys orders. What a
/// transcript has it say comes on top.
/// </summary>
internal sealed class FakeWorker(NodeId node, long boot, int gpus, string deviceClass, Action<string> complain)
{
    private static readonly TimeSpan HeartbeatPeriod = TimeSpan.FromMilliseconds(500);
    private static readonly TimeSpan ReconnectDelay = TimeSpan.FromMilliseconds(50);

    private readonly SortedDictionary<JobId, Membership> memberships = [];
    private readonly SortedDictionary<GpuId, FakeRank> ranks = [];
    private readonly SortedDictionary<JobId, FakeGang> gangs = [];
    private long heartbeats;
    private TimeSpan nextHeartbeat;
    private TimeSpan nextRepeat;
    private TimeSpan? reconnectAt;

    public NodeId Node => node;

    public bool Alive { get; private set; } = true;

    public bool Connected { get; private set; }

    /// <summary>Whether it is there and says nothing.</summary>
    public bool Silent { get; set; }

    public bool Trains { get; set; }

    public WorkerSession Session { get; private set; } = new(boot, 0);

    public IEnumerable<FakeRank> Ranks => ranks.Values;

    /// <summary>Steps of each job that it knows of.</summary>
    public SortedDictionary<JobId, JobSpec> Specs { get; } = [];

    /// <summary>The time of the stage.</summary>
    public required Func<TimeSpan> Clock { get; init; }

    /// <summary>Whom its agents ask whether they are there.</summary>
    public Func<NodeId, FakeWorker?> Peers { get; init; } = _ => null;

    /// <summary>Its agent of a gang; null: it was never ordered about.</summary>
    public FakeGang? GangOf(JobId job) => gangs.GetValueOrDefault(job);

    public Membership? MembershipOf(JobId job) => memberships.GetValueOrDefault(job);

    public WorkerConnected Connect(TimeSpan now)
    {
        Connected = true;
        reconnectAt = null;
        nextHeartbeat = now + HeartbeatPeriod;
        nextRepeat = now + HeartbeatPeriod;
        Session = Session with { Connection = Session.Connection + 1 };
        return Introduce();
    }

    /// <summary>What the gateway makes of its hello.</summary>
    public WorkerConnected Introduce(long? proof = null) => new(Session, new Hello
    {
        Node = node,
        Session = Session,
        DataAddress = $"{node}:7000",
        ProcessId = (int)(boot % 100_000),
        Proof = proof,
        Gpus = [.. Enumerable.Range(0, gpus).Select(i => new GpuDescription(i, "fake", deviceClass, "cpu"))],
    });

    /// <summary>The connection is gone; a worker that trains looks for its silo by itself.</summary>
    public void LoseConnection(TimeSpan now)
    {
        Connected = false;
        reconnectAt = Alive && Trains ? now + ReconnectDelay : null;
    }

    public void Die() => (Alive, Connected, reconnectAt) = (false, false, null);

    public bool IsDueToReconnect(TimeSpan now) => now >= reconnectAt;

    /// <summary>What it says because of what it is told.</summary>
    public IEnumerable<WorkerMessage> Obey(CoordinatorMessage told) => told switch
    {
        Welcome => [.. Ranks.SelectMany(rank => rank.Records().Concat(rank.Progress()))],
        GangOrdered ordered => OnGang(ordered.Order),
        MembershipChanged changed => OnChange(changed.Change),
        RankOrdered ordered => OnOrder(ordered.Order),
        StepsRecorded recorded => OnRecorded(recorded),
        SaveCheckpoint save => [.. Ranks.Where(rank => rank.Job == save.Job).SelectMany(rank => rank.Save(save.Checkpoint))],
        SealCheckpoint seal => [new CheckpointSealed
        {
            Job = seal.Job, Generation = seal.Generation, Node = node, Checkpoint = seal.Checkpoint, ManifestSha256 = new string('c', 64),
        }],
        _ => [],
    };

    /// <summary>What it says because time has passed.</summary>
    public IEnumerable<WorkerMessage> OnTime(TimeSpan now)
    {
        if (!Alive || Silent)
            yield break;
        foreach (var message in gangs.Values.SelectMany(gang => gang.OnTime()).ToArray())
        {
            if (Connected)
                yield return message;
        }

        if (!Connected)
            yield break;
        if (now >= nextHeartbeat)
        {
            nextHeartbeat = now + HeartbeatPeriod;
            yield return new Heartbeat(
                ++heartbeats, [.. Ranks.Select(rank => new RankPosition(rank.Gpu.Index, rank.Job, rank.Generation, rank.Applied, "fake"))]);
        }

        if (now < nextRepeat)
            yield break;
        nextRepeat = now + HeartbeatPeriod;
        foreach (var rank in Ranks)
        {
            foreach (var message in rank.Plan is { Rank: 0 } ? rank.Records() : [])
                yield return message;
            foreach (var message in rank.Promised != 0 || rank.Finished ? rank.Progress() : [])
                yield return message;
        }
    }

    private IReadOnlyList<WorkerMessage> OnGang(GangOrder order)
    {
        if (!gangs.TryGetValue(order.Job, out var gang))
            gangs.Add(order.Job, gang = new FakeGang(order.Job, this) { Clock = Clock, Peers = Peers });
        return gang.Obey(order);
    }

    private IEnumerable<WorkerMessage> OnChange(MembershipChange change)
    {
        if (change.Spec is { } spec)
            Specs[change.Job] = spec;
        var known = memberships.GetValueOrDefault(change.Job) ?? Membership.None(change.Job);
        if (change.ToGeneration <= known.Generation)
            return [];
        if (known.After(change) is not { } next)
            return [new MembershipUnknown { Job = change.Job, Generation = change.ToGeneration, Node = node }];
        memberships[change.Job] = next;
        return [];
    }

    private IEnumerable<WorkerMessage> OnOrder(RankOrder order)
    {
        if (order is ReleaseRank && (!ranks.TryGetValue(order.Gpu, out var found) || found.Job != order.Job))
            return [Released(order)];
        if (!ranks.TryGetValue(order.Gpu, out var rank) || rank.Job != order.Job)
        {
            if (order is not PrepareRank)
                return [];
            if (rank?.Plan is not null)
                complain($"{order.Gpu} is told to prepare for {order.Job} while it has a plan of {rank.Job}");
            ranks[order.Gpu] = rank = new FakeRank(order.Job, order.Gpu, boot, deviceClass, complain);
        }

        if (order is PrepareRank && MembershipOf(order.Job)?.Generation is var generation && (generation ?? 0) < order.Generation)
            return [new MembershipUnknown { Job = order.Job, Generation = order.Generation, Node = node }];
        if (rank.Refuses(order))
            return [];
        switch (order)
        {
            case PrepareRank prepare:
                return rank.Prepare(prepare);
            case RankPlan plan:
                return rank.Take(plan);
            case ReleaseRank { Forget: true }:
                ranks.Remove(order.Gpu);
                return [Released(order)];
            default:
                rank.Release();
                return [Released(order)];
        }
    }

    private static RankReleased Released(RankOrder order) => new()
    {
        Job = order.Job,
        Generation = order.Generation,
        Gpu = order.Gpu,
        Forgot = order is ReleaseRank { Forget: true },
    };

    private IEnumerable<WorkerMessage> OnRecorded(StepsRecorded recorded)
    {
        foreach (var rank in Ranks.Where(rank => rank.Job == recorded.Job))
            rank.OnRecorded(recorded.Through);
        return [];
    }
}
