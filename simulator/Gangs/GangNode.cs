using Coordinator.Machines;
using Coordinator.Machines.Gangs;
using Coordinator.Simulator.World;

namespace Coordinator.Simulator.Gangs;

/// <summary>
/// A host: its worker with the agent of the gang, and the programs that the agent has started, which the worker's death does not end by
/// itself: its watcher does, a moment later. A host that freezes stops with all of it; a worker that freezes alone leaves its programs
/// running.
/// </summary>
internal sealed class GangNode : SimulatedProcess
{
    private static readonly TimeSpan WatcherTime = TimeSpan.FromMilliseconds(30);
    /// <summary>What the agent's clock may be off until a lease of a minute ends.</summary>
    private static readonly TimeSpan ClockError = TimeSpan.FromMilliseconds(100);
    private static readonly TimeSpan HeartbeatPeriod = TimeSpan.FromMilliseconds(500);

    private readonly GangCluster cluster;
    private readonly List<GangProgram> programs = [];
    private GangAgentMachine agent = new(GangCluster.Job, 0);
    private GangSeat? seat;
    private long wakes;
    private long ending;

    /// <summary>Generation whose processes a planted bug let live on once.</summary>
    private long spared;
    private long boots;
    private long connections;
    private long heartbeats;

    public GangNode(GangCluster cluster, NodeId id, int gpus)
        : base(cluster.World, id.Value, clockSkew: 0.001)
    {
        (this.cluster, Id, Gpus) = (cluster, id, gpus);
    }

    public NodeId Id { get; }

    public int Gpus { get; }

    public WorkerSession Session { get; private set; }

    /// <summary>Whether a connection to the silo stands.</summary>
    public bool IsConnected { get; private set; }

    /// <summary>Whether the way to the silo, or to the other nodes, is cut.</summary>
    public bool IsCutFromSilo { get; set; }

    public bool IsCutFromPeers { get; set; }

    /// <summary>Whether the whole host stands still, its programs too.</summary>
    public bool IsStopped { get; private set; }

    /// <summary>Until when its programs may be alive without a fault of ours, since the worker stood still for too long.</summary>
    public TimeSpan ExcusedUntil { get; private set; }

    /// <summary>When the worker that stands still would have killed its programs; null: it does not, or it runs none.</summary>
    public TimeSpan? ExcusedFrom { get; private set; }

    /// <summary>
    /// A frozen agent cannot kill: from the moment when it should have until it has had a moment to do so after it thawed. One that thaws
    /// before has no excuse.
    /// </summary>
    public bool IsExcused => World.Now < ExcusedUntil || World.Now >= ExcusedFrom;

    /// <summary>When the worker died; null: it lives.</summary>
    public TimeSpan? DeadSince { get; private set; }

    /// <summary>Whether the host is without power: it comes back some time, or never.</summary>
    public bool IsDark { get; private set; }

    public IEnumerable<GangProgram> Running => programs.Where(program => program.IsAlive);

    /// <summary>A worker starts; what its predecessor left is killed before anything else.</summary>
    public void Start()
    {
        if (Alive || IsDark)
            return;
        Begin();
        (DeadSince, ExcusedFrom, IsStopped) = (null, null, false);
        agent = new GangAgentMachine(GangCluster.Job, ++boots);
        connections = 0;
        foreach (var program in Running.ToArray())
            EndProgram(program, null, 9, isFirst: false, "");
        Connect();
    }

    public void KillWorker()
    {
        if (!Alive)
            return;
        Disconnect();
        End();

        // One that stood still could not kill what its lease let run no more; its watcher does, a moment later.
        if (IsExcused)
            ExcusedUntil = World.Now + WatcherTime;
        (DeadSince, ExcusedFrom, IsStopped) = (World.Now, null, false);
        if (cluster.Plant != GangBug.NoWatcher)
        {
            World.Schedule(WatcherTime, () =>
            {
                if (DeadSince is null)
                    return;
                foreach (var program in Running.ToArray())
                    EndProgram(program, null, 9, isFirst: false, "");
            });
        }
    }

    public void LosePower()
    {
        foreach (var program in Running.ToArray())
            EndProgram(program, null, 9, isFirst: true, "");
        KillWorker();
        IsDark = true;
        World.Note(Name, "loses power");
    }

    public void GetPower()
    {
        IsDark = false;
        Start();
    }

    public void FreezeWorker(bool withPrograms)
    {
        if (!Alive || Frozen)
            return;
        ExcusedFrom = World.Now + (agent.KillsAt - Clock) - ClockError;
        Freeze();
        IsStopped = withPrograms;
    }

    public void ThawWorker()
    {
        if (!Frozen)
            return;
        if (IsExcused)
            ExcusedUntil = World.Now + TimeSpan.FromSeconds(1);
        (ExcusedFrom, IsStopped) = (null, false);
        Thaw();
    }

    /// <summary>The silo is there, or there again.</summary>
    public void Connect()
    {
        if (!Alive || Frozen || IsConnected || IsCutFromSilo || !cluster.Silo.Alive)
        {
            if (Alive && !IsConnected)
                Post(TimeSpan.FromMilliseconds(300), Connect, timer: true);
            return;
        }

        IsConnected = true;
        Session = new WorkerSession(boots, ++connections);
        var hello = new Hello
        {
            Node = Id,
            Session = Session,
            DataAddress = $"{Id}:7000",
            Gpus = [.. Enumerable.Range(0, Gpus).Select(gpu => new GpuDescription(gpu, "simulated", "simulated", "cpu"))],
        };
        cluster.Silo.Hear(Id, new WorkerConnected(Session, hello));
        Beat(connections);
    }

    public void Disconnect()
    {
        if (!IsConnected)
            return;
        IsConnected = false;
        cluster.Silo.Hear(Id, new WorkerDisconnected(Session, "connection closed"));
        if (Alive)
            Post(TimeSpan.FromMilliseconds(300), Connect, timer: true);
    }

    /// <summary>What the silo says.</summary>
    public void Hear(CoordinatorMessage message)
    {
        switch (message)
        {
            case HelloWanted wanted when wanted.Session == Session:
                IsConnected = false;
                Connect();
                break;
            case GangOrdered ordered:
                Take(new AgentOrdered(ordered.Order));
                break;
        }
    }

    /// <summary>A program told a step.</summary>
    public void Tell(GangProgram program, long step)
    {
        if (Alive)
            Arrive(Life, timer: false, () => Take(new AgentHeardRank(program.Generation, step)));
    }

    /// <summary>A program ends. Its agent hears of it, if there is one.</summary>
    public void EndProgram(GangProgram program, int? code, int? signal, bool isFirst, string lastLine)
    {
        if (!program.IsAlive)
            return;
        (program.IsAlive, program.EndedAt, program.FailedFirst) = (false, World.Now, isFirst);
        World.Note(Name, "program ends", program.Generation, program.Rank, code ?? -signal);
        var exit = new GangExit(code, signal, 0) { LastLines = lastLine.Length > 0 ? [lastLine] : [] };
        if (Alive)
        {
            Post(
                World.Workload.Between(TimeSpan.Zero, TimeSpan.FromMilliseconds(5)),
                () => Take(new AgentRankEnded(program.Generation, program.Rank, exit)));
        }
    }

    private void Beat(long connection)
    {
        if (!IsConnected || connection != connections)
            return;
        Say(new Heartbeat(++heartbeats, []));
        Post(HeartbeatPeriod, () => Beat(connection), timer: true);
    }

    private void Say(WorkerMessage message)
    {
        if (IsConnected && !IsCutFromSilo)
            cluster.Silo.Hear(Id, new WorkerSaid(Session, message));
    }

    private void Take(GangAgentInput input)
    {
        if (input is AgentPeerAnswered answered && cluster.Plant == GangBug.LeaseFromArrival)
            input = answered with { SentAt = Clock };
        var outputs = new List<GangAgentOutput>();
        agent.Handle(Clock, input, outputs);
        foreach (var output in outputs)
            CarryOut(output);
        var wake = ++wakes;
        if (agent.NextDeadline is { } at)
            Post(at > Clock ? at - Clock : TimeSpan.Zero, () => { if (wake == wakes) Take(new AgentTimePassed()); }, timer: true);
    }

    private void CarryOut(GangAgentOutput output)
    {
        switch (output)
        {
            case PrepareRanks prepare:
                seat = prepare.Seat;
                Post(
                    World.Workload.Between(TimeSpan.FromMilliseconds(1), TimeSpan.FromMilliseconds(World.Workload.Chance(0.1) ? 4000 : 50)),
                    () => Take(new AgentPrepared(prepare.Generation, prepare.Seat.Index == 0 ? 29500 : 0, 1)));
                break;
            case RunRanks run:
                for (var local = 0; local < run.Seat.Gpus.Count; local++)
                    StartProgram(run, local);
                break;
            case EndRanks end:
                ending = end.Generation;
                foreach (var program in Running.Where(program => program.Generation == end.Generation).ToArray())
                {
                    // Some end in order, some must be killed.
                    if (World.Workload.Chance(0.8))
                    {
                        World.Schedule(
                            World.Workload.Between(TimeSpan.Zero, TimeSpan.FromMilliseconds(400)),
                            () => EndProgram(program, null, 15, isFirst: false, ""));
                    }
                    if (cluster.Plant == GangBug.StoppedWhenAsked)
                        Post(TimeSpan.Zero, () => Take(new AgentRankEnded(program.Generation, program.Rank, new GangExit(null, 15, 0))));
                }

                break;
            case KillRanks kill when cluster.Plant == GangBug.LeaseIgnored && kill.Generation != ending && spared != kill.Generation:
                spared = kill.Generation;
                break;
            case KillRanks kill:
                foreach (var program in Running.Where(program => program.Generation == kill.Generation).ToArray())
                    World.Schedule(TimeSpan.FromMilliseconds(1), () => EndProgram(program, null, 9, isFirst: false, ""));
                break;
            case AskPeers ask:
                foreach (var peer in ask.Start.Panel.Where(peer => peer.Index != seat!.Index))
                {
                    cluster.Ask(
                        this,
                        peer,
                        ask.Generation,
                        ask.SentAt,
                        (index, sentAt) => Take(new AgentPeerAnswered(ask.Generation, index, sentAt)));
                }
                break;
            case TellGang said:
                Say(said.Report);
                break;
        }
    }

    /// <summary>Whether a peer of a generation that asks is answered.</summary>
    public bool Answers(long generation) =>
        agent.Answers(generation) || (cluster.Plant == GangBug.AnswersTheExcluded && agent.Generation >= generation);

    private void StartProgram(RunRanks run, int local)
    {
        var program = new GangProgram(
            this, run.Generation, (run.Seat.Index * run.Seat.Gpus.Count) + local, run.Seat.Nodes * run.Seat.Gpus.Count);
        programs.RemoveAll(old => !old.IsAlive && old.Generation < run.Generation - 1);
        programs.Add(program);
        World.Note(Name, "program starts", run.Generation, program.Rank);
        cluster.Drains?.OnStart(this, run.Generation);
        Post(TimeSpan.FromMilliseconds(2), () => Take(new AgentRankStarted(run.Generation, program.Rank, 1000 + program.Rank)));
        cluster.Training.Started(program, cluster.ProgramsOf);
    }
}
