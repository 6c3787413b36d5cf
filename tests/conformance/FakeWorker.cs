using System.Globalization;
using Coordinator.Machines;

namespace Coordinator.Conformance;

/// <summary>
/// A worker with one gpu that computes nothing and says what a real one would: it answers orders, and with every beat applies a step of
/// the generation that it has a plan for. It refuses orders that are older than one it has obeyed, as real ones do.
/// </summary>
internal sealed class FakeWorker(NodeId node, long boot)
{
    private readonly List<StepRecord> unrecorded = [];
    private long connection;
    private bool connected;
    private JobId job;
    private (long Incarnation, long Generation) obeyed;
    private bool planned;
    private bool released;
    private bool hasState;
    private long rank;
    private long applied;
    private long recorded;
    private bool saidAdvanced;

    public long Steps { get; set; } = 6;

    public bool Silent { get; set; }

    private GpuId Gpu => new(node, 0);

    private WorkerSession Session => new(boot, connection);

    public FakeWorker Successor() => new(node, boot + 1) { Steps = Steps };

    public Task ConnectAsync(IConformanceEngine engine, long? nth)
    {
        connection = nth ?? connection + 1;
        connected = true;
        return SayHelloAsync(engine);
    }

    public Task DisconnectAsync(IConformanceEngine engine)
    {
        connected = false;
        return engine.PostAsync(GrainAddress.Of(node), new WorkerDisconnected(Session, "connection closed"));
    }

    public Task SayAsync(IConformanceEngine engine, JobId about, string what, string[] arguments) => what switch
    {
        "accuses" => SayAsync(engine, new PeerAccused { Job = about, Generation = arguments.Length > 1 ? Number(arguments[1]) : obeyed.Generation, Accuser = node, Accused = new NodeId(arguments[0]), Evidence = Evidence.ConnectionClosed }),
        "applied" => SayAsync(engine, new StepsApplied { Job = about, Generation = obeyed.Generation, Timeline = 0, Steps = [.. Range(Number(arguments[0]), Number(arguments[1])).Select(Record)] }),
        "faulted" => SayAsync(engine, new RankFaulted { Job = about, Generation = obeyed.Generation, Gpu = Gpu, Detail = "broken" }),
        "leaves" => SayAsync(engine, new RankLeaving { Job = about, Generation = obeyed.Generation, Gpu = Gpu, Reason = "asked to end" }),
        "lost-track" => SayAsync(engine, new MembershipUnknown { Job = about, Generation = arguments.Length > 0 ? Number(arguments[0]) : obeyed.Generation, Node = node }),
        "answers" => AnswerAsync(engine, about, Number(arguments[0])),
        _ => throw new ConformanceException($"a worker cannot say '{what}'"),
    };

    /// <summary>A heartbeat, and where it has a plan, a step.</summary>
    public async Task BeatAsync(IConformanceEngine engine, bool answering)
    {
        if (!connected)
            return;
        if (!answering || Silent)
        {
            await SayAsync(engine, new Heartbeat(1, []));
            return;
        }

        await SayAsync(engine, new Heartbeat(1, planned ? [new RankPosition(0, job, obeyed.Generation, applied, "computing")] : []));
        if (!planned)
            return;
        if (applied < Steps)
            unrecorded.Add(Record(++applied));
        if (!saidAdvanced)
            await SayAsync(engine, new RankAdvanced { Job = job, Generation = obeyed.Generation, Gpu = Gpu, Step = applied });
        await TellRecordAsync(engine);
        if (applied == Steps)
        {
            await SayAsync(engine, new RankFinished { Job = job, Generation = obeyed.Generation, Gpu = Gpu, Step = applied, RecordedThrough = recorded, StateSha256 = "equal" });
            if (rank == 0)
                await engine.PostAsync(GrainAddress.Of(job), new ModelStored("model", 1));
        }
    }

    /// <summary>Does what it is told.</summary>
    public async Task HearAsync(IConformanceEngine engine, CoordinatorMessage message)
    {
        if (Silent || !connected)
            return;
        switch (message)
        {
            case HelloWanted wanted when wanted.Session == Session:
                await SayHelloAsync(engine);
                break;
            case StepsRecorded told:
                recorded = Math.Max(recorded, told.Through);
                unrecorded.RemoveAll(step => step.Step <= told.Through);
                break;
            case RankOrdered ordered when ordered.Order is var order && !IsOld(order):
                (job, obeyed) = (order.Job, (order.Incarnation, order.Generation));
                await ObeyAsync(engine, order);
                break;
        }
    }

    private bool IsOld(RankOrder order)
    {
        var age = (order.Incarnation, order.Generation).CompareTo(obeyed);
        return order.Job == job && (age < 0 || (age == 0 && released && order is not ReleaseRank));
    }

    private async Task ObeyAsync(IConformanceEngine engine, RankOrder order)
    {
        released = order is ReleaseRank;
        switch (order)
        {
            case PrepareRank:
                (planned, saidAdvanced) = (false, false);
                await TellRecordAsync(engine);
                await AnswerAsync(engine, job, order.Generation);
                break;
            case RankPlan plan:
                await SayAsync(engine, new PlanTaken { Job = job, Generation = order.Generation, Gpu = Gpu });
                if (!planned)
                {
                    // Whatever way the plan names, it ends at the step before the first.
                    for (; applied < plan.FirstStep - 1; applied++)
                        unrecorded.Add(Record(applied + 1));
                    (planned, hasState, rank) = (true, true, plan.Rank);
                }

                break;
            case ReleaseRank:
                (planned, hasState) = (false, false);
                await SayAsync(engine, new RankReleased { Job = job, Generation = order.Generation, Gpu = Gpu });
                break;
        }
    }

    private async Task TellRecordAsync(IConformanceEngine engine)
    {
        if (unrecorded.Count > 0 && (rank == 0 || !planned))
            await SayAsync(engine, new StepsApplied { Job = job, Generation = obeyed.Generation, Timeline = 0, Steps = [.. unrecorded] });
    }

    private Task AnswerAsync(IConformanceEngine engine, JobId about, long generation) => SayAsync(engine, new RankState
    {
        Job = about,
        Generation = generation,
        Gpu = Gpu,
        Boot = boot,
        HasState = hasState,
        Timeline = 0,
        Applied = applied,
        RecordedThrough = recorded,
        StateBlocks = 4,
        Reduced = hasState ? [new TagRun(0, 4, applied)] : [],
    });

    private Task SayHelloAsync(IConformanceEngine engine) => engine.PostAsync(GrainAddress.Of(node), new WorkerConnected(Session, new Hello
    {
        Node = node,
        Session = Session,
        DataAddress = $"{node}:7000",
        Gpus = [new GpuDescription(0, "cpu", "cpu", "cpu")],
    }));

    private Task SayAsync(IConformanceEngine engine, WorkerMessage message) => engine.PostAsync(GrainAddress.Of(node), new WorkerSaid(Session, message));

    private static StepRecord Record(long step) => new(step, 1, 1.0 / step, 1, 10, 1);

    private static IEnumerable<long> Range(long from, long to) => Enumerable.Range((int)from, (int)(to - from + 1)).Select(step => (long)step);

    private static long Number(string text) => long.Parse(text, CultureInfo.InvariantCulture);
}
