using System.Text.Json;
using Coordinator.Machines.Gpus.Policies;

namespace Coordinator.Machines.Nodes;

/// <summary>
/// A host: is its worker there, and what passes between it and the grains of jobs and gpus.
/// <para>
/// Idle case: heartbeats come and end here. Bursty case: the worker's connection ends or falls silent; jobs that use the node hear it at
/// once (for them it is soft evidence), the cluster after a moment of grace, so that a reconnecting worker causes no stir.
/// </para>
/// <para>
/// The agents of gangs are ordered past the gpus' grains, each for its whole node. Pieces of ranks' logs wait here for a few seconds, so
/// that any silo can be asked for them.
/// </para>
/// Nothing is durable: a node that was loaded anew learns everything from the next hello. Where its silo died and the worker is
/// connected to another one, no hello comes by itself; the first word of an unknown session makes it ask.
/// <para>
/// Gpus of which nothing is asked rest: no grain of theirs is loaded. The node speaks to a gpu's grain when a job's order is for it, when
/// telemetry says something of it, and when the cluster has it on record as not plainly healthy; from then on the grain hears everything.
/// Of a gpu at rest the node keeps the last reading. So thousands of nodes connect without their gpus' grains.
/// </para>
/// <para>
/// One process at a time has the node's name. A newer process is refused while the one before it is heard, unless a person insists: two
/// workers of one name are a mistake, and the one that holds a job's state is the older one. A closed connection is a process that is gone,
/// and one that is silent for the heartbeat's timeout counts as gone, so a restart gets in at once and a reboot by asking again. A newcomer
/// is told that the name is taken only once the older process has answered a question that was put to it on the newcomer's account: on a
/// busy machine the last words of a process that has died are heard after its successor's first.
/// </para>
/// </summary>
/// <param name="id">The node.</param>
/// <param name="policy">Tells which readings say something; null: the shipped one.</param>
public sealed partial class NodeMachine(NodeId id, GpuHealthPolicy? policy = null) : IMachine
{
    private static readonly TimeSpan HeartbeatPeriod = TimeSpan.FromMilliseconds(500);
    private static readonly TimeSpan HeartbeatTimeout = TimeSpan.FromSeconds(5);
    private static readonly TimeSpan ReconnectGrace = TimeSpan.FromSeconds(1);

    /// <summary>
    /// A report is repeated until the cluster has taken it, each time after twice as long: where thousands of nodes report at once, an
    /// impatient repeat takes the place of another node's first report.
    /// </summary>
    private static readonly TimeSpan FirstRepeat = TimeSpan.FromMilliseconds(500);
    private static readonly TimeSpan LongestRepeat = TimeSpan.FromSeconds(8);
    private static readonly TimeSpan AskPeriod = TimeSpan.FromMilliseconds(250);

    /// <summary>Pieces of logs wait so long in the node's view for whoever asked for them.</summary>
    private static readonly TimeSpan LogTime = TimeSpan.FromSeconds(5);
    private const int MostLogs = 16;

    /// <summary>A cluster grain that was loaded anew knows no nodes: each says from time to time that it is there.</summary>
    private static readonly TimeSpan IdleReportPeriod = TimeSpan.FromSeconds(10);

    private readonly SortedDictionary<JobId, long> jobs = [];
    private readonly SortedDictionary<JobId, long> gangs = [];
    private readonly List<(LogRead Piece, TimeSpan At)> logs = [];
    private Hello? hello;
    private bool connected;
    private bool silent;
    private TimeSpan heardAt;
    private TimeSpan? downAt;
    private IReadOnlyList<RankPosition> ranks = [];
    private long sequence;
    private long taken;
    private bool reportedUp;
    private TimeSpan? askedAt;
    private WorkerSession refused;
    private long? livesBeside;
    private string setAside = "";
    private string? drained;
    private TimeSpan sentAt;
    private TimeSpan repeatAfter;
    private TimeSpan now;
    private Outputs outputs = new();

    /// <inheritdoc/>
    public GrainAddress Address => GrainAddress.Of(id);

    /// <inheritdoc/>
    public TimeSpan? NextDeadline { get; private set; }

    private TimeSpan? NextReport =>
        hello is null ? null : sequence > taken ? sentAt + repeatAfter : reportedUp ? sentAt + IdleReportPeriod : null;

    private bool IsUp => connected && !silent;

    /// <inheritdoc/>
    public void Handle(TimeSpan now, GrainMessage message, Outputs outputs)
    {
        this.now = now;
        this.outputs = outputs;
        switch (message)
        {
            case WorkerConnected worker:
                OnConnected(worker);
                break;
            case WorkerSaid said when said.Session == hello?.Session:
                OnSaid(said);
                break;
            case WorkerSaid stranger when hello is null || !stranger.Session.IsOlderThan(hello.Session):
                AskForHello(stranger.Session);
                break;
            case WorkerSaid displaced when displaced.Session.Boot < hello.Session.Boot:
                Displace(displaced.Session);
                break;
            case WorkerDisconnected gone when gone.Session == hello?.Session && connected:
                connected = false;
                OnLinkDown(gone.Reason);
                break;
            case NodeOrders orders:
                OnOrders(orders);
                break;
            case GangNodeOrdered ordered:
                OnGangOrder(ordered.Order);
                break;
            case LogWanted wanted when logs.TrueForAll(known => known.Piece.Id != wanted.Question.Id):
                outputs.Send(id, new LogAsked(wanted.Question));
                break;
            case NodeReportTaken report when report.Session == hello?.Session:
                (setAside, drained) = (report.SetAside ?? "", report.Drained);
                OnWatched(report.Watched ?? []);
                OnReportTaken(report.Sequence);
                break;
        }

        OnTime();
    }

    /// <inheritdoc/>
    public string Describe(TimeSpan now) => JsonSerializer.Serialize(
        new NodeView(
            id,
            IsUp,
            hello?.Session ?? default,
            hello?.DataAddress ?? "",
            hello?.ProcessId ?? 0,
            hello?.Gpus ?? [],
            ranks,
            hello is null ? null : (now - heardAt).TotalMilliseconds)
        {
            SetAside = setAside,
            Labels = hello?.Labels,
            Resting = DescribeResting(now),
            Logs = logs.Count == 0 ? null : [.. logs.Where(known => now < known.At + LogTime).Select(known => known.Piece)],
        },
        MachinesJson.Default.NodeView);

    private void OnConnected(WorkerConnected worker)
    {
        if (hello is not null && worker.Session.IsOlderThan(hello.Session))
        {
            if (worker.Session.Boot < hello.Session.Boot)
                Displace(worker.Session);
            return;
        }

        if (hello is not null && worker.Session.Boot > hello.Session.Boot && IsUp && worker.Hello.Replace is not true)
        {
            RefuseNewcomer(worker);
            return;
        }

        var same = hello?.Session == worker.Session;
        if (same && worker.Hello.Proof is { } newcomer)
            livesBeside = newcomer;
        if (hello is not null && !same && connected)
            EndOlder(hello.Session, worker);
        var repeated = same && connected;
        hello = worker.Hello;
        connected = true;
        silent = false;
        heardAt = now;
        downAt = null;
        if (!same)
            ranks = [];
        outputs.Send(id, new Welcome(worker.Session, HeartbeatPeriod));
        if (!same)
            isOnRecord = false;
        AttachAwake();
        if (!repeated)
        {
            outputs.Observe(
                new CoordinatorEvent
                {
                    Kind = EventKinds.NodeUp,
                    Node = id,
                    Text = $"{id} connected, process {hello.ProcessId}, {Counted.Of(hello.Gpus.Count, "gpu")}",
                    Numbers = new SortedDictionary<string, double> { ["pid"] = hello.ProcessId, ["boot"] = worker.Session.Boot }
                });
        }
        TellJobs();
        Report(up: true);
    }

    /// <summary>The older connection may stand at another silo, which does not know of the newer one.</summary>
    private void EndOlder(WorkerSession older, WorkerConnected newer) => outputs.Send(id, older.Boot == newer.Session.Boot
        ? new WorkerRefused(older, RefusalKind.Superseded, "a newer session of this node connected")
        : Displacement(older, newer.Session.Boot, newer.Hello.ProcessId));

    private void Displace(WorkerSession older) => outputs.Send(id, Displacement(older, hello!.Session.Boot, hello.ProcessId));

    /// <summary>The text ends with the number that the worker's next process has to be above.</summary>
    private WorkerRefused Displacement(WorkerSession older, long boot, int process) =>
        new(older, RefusalKind.Displaced, $"process {process} has taken the node's name, boot {boot}");

    private void RefuseNewcomer(WorkerConnected newcomer)
    {
        var heardMs = (now - heardAt).TotalMilliseconds;
        if (refused.Boot != newcomer.Session.Boot)
        {
            refused = newcomer.Session;
            outputs.Observe(new CoordinatorEvent
            {
                Kind = EventKinds.NodeRefused,
                Node = id,
                Text = $"process {newcomer.Hello.ProcessId} at {newcomer.Hello.DataAddress} came as {id}, which process {hello!.ProcessId} "
                    + $"at {hello.DataAddress} is: refused",
                Cause = "name taken",
            });
        }

        var isProved = livesBeside == newcomer.Session.Boot;
        if (!isProved)
            outputs.Send(id, new HelloWanted(hello!.Session) { Proof = newcomer.Session.Boot });
        outputs.Send(id, new WorkerRefused(
            newcomer.Session, isProved
                ? RefusalKind.NameTaken
                : RefusalKind.NameHeard, $"process {hello!.ProcessId} has this name and was heard {heardMs:0} ms ago"));
    }

    private void AskForHello(WorkerSession session)
    {
        if (now < askedAt + AskPeriod)
            return;
        askedAt = now;
        outputs.Send(id, new HelloWanted(session));
    }

    private void OnSaid(WorkerSaid said)
    {
        heardAt = Later(heardAt, now - said.Age);
        if (silent && connected && now < heardAt + HeartbeatTimeout)
        {
            silent = false;
            downAt = null;
            TellJobs();
            Report(up: true);
        }

        switch (said.Message)
        {
            case Heartbeat heartbeat:
                ranks = heartbeat.Ranks;
                foreach (var position in ranks)
                    jobs.TryAdd(position.Job, 0);
                break;
            case GpusMeasured measured:
                foreach (var reading in measured.Readings)
                    OnMeasured(reading);
                break;
            case GangReport report:
                gangs.TryAdd(report.Job, 0);
                outputs.Send(GrainAddress.OfGang(report.Job), new GangReported(id, said.Session, report));
                break;
            case LogRead piece:
                logs.RemoveAll(known => known.Piece.Id == piece.Id || now >= known.At + LogTime);
                if (logs.Count == MostLogs)
                    logs.RemoveAt(0);
                logs.Add((piece, now));
                break;
            case JobReport report:
                jobs.TryAdd(report.Job, 0);
                outputs.Send(GrainAddress.Of(report.Job), new WorkerReported(id, said.Session, report));
                break;
        }
    }

    /// <summary>The chain of command: membership goes to the worker, orders through the grains of the gpus they are for.</summary>
    private void OnOrders(NodeOrders orders)
    {
        if (orders.Incarnation < jobs.GetValueOrDefault(orders.Job))
            return;
        jobs[orders.Job] = orders.Incarnation;
        if (orders.Change is not null)
            outputs.Send(id, new MembershipChanged(orders.Change));
        if (orders.Assignment is not null)
            outputs.Send(id, orders.Assignment);
        foreach (var order in orders.Orders.Where(order => order.Gpu.Node == id))
        {
            Wake(order.Gpu.Index);
            outputs.Send(GrainAddress.Of(order.Gpu), new GpuOrdered(order));
        }

        if (orders.Recorded is not null)
            outputs.Send(id, orders.Recorded);
        if (orders.Checkpoint is not null)
            outputs.Send(id, orders.Checkpoint);
    }

    private void OnGangOrder(GangOrder order)
    {
        if (order.Incarnation < gangs.GetValueOrDefault(order.Job))
            return;
        gangs[order.Job] = order.Incarnation;

        // It has the whole node, and its orders pass no gpu's grain: one that must not work says so now.
        foreach (var gpu in hello?.Gpus ?? [])
            Wake(gpu.Index);
        outputs.Send(id, new GangOrdered(order));
    }

    private void OnReportTaken(long through)
    {
        taken = Math.Max(taken, through);
        if (through <= sequence)
            return;

        // An earlier life of this grain reported under higher numbers.
        sequence = through;
        Report(reportedUp);
    }

    private void OnLinkDown(string reason)
    {
        downAt = now;
        TellJobs();
        outputs.Observe(
            new CoordinatorEvent
            {
                Kind = EventKinds.NodeDown,
                Node = id,
                Text = drained is null ? $"{id} is out of reach: {reason}" : $"{id} has gone ({reason}), {drained}",
                Cause = reason,
            });
    }

    private void OnTime()
    {
        if (IsUp && now >= heardAt + HeartbeatTimeout)
        {
            silent = true;
            OnLinkDown("no heartbeat");
        }

        if (downAt + ReconnectGrace is { } at && now >= at && reportedUp)
            Report(up: false);
        if (now >= NextReport)
        {
            repeatAfter = repeatAfter + repeatAfter < LongestRepeat ? repeatAfter + repeatAfter : LongestRepeat;
            SendReport();
        }

        NextDeadline = Earliest(IsUp ? heardAt + HeartbeatTimeout : null, reportedUp ? downAt + ReconnectGrace : null, NextReport);
    }

    private static TimeSpan Later(TimeSpan one, TimeSpan other) => one > other ? one : other;

    private static TimeSpan? Earliest(params ReadOnlySpan<TimeSpan?> times)
    {
        TimeSpan? earliest = null;
        foreach (var time in times)
        {
            if (time is { } at && (earliest is null || at < earliest))
                earliest = at;
        }

        return earliest;
    }

    private void TellJobs()
    {
        foreach (var job in jobs.Keys)
            outputs.Send(GrainAddress.Of(job), new NodeLinkReported(id, hello!.Session, IsUp) { Silent = connected && silent });
    }

    private void Report(bool up)
    {
        reportedUp = up;
        sequence++;
        repeatAfter = FirstRepeat;
        SendReport();
    }

    private void SendReport()
    {
        sentAt = now;
        outputs.Send(GrainAddress.Cluster, new NodeReported(id, hello!.Session, sequence, reportedUp, hello.DataAddress, hello.Gpus)
        {
            Labels = hello.Labels,
        });
    }
}
