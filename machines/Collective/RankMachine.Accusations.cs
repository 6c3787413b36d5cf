namespace Coordinator.Machines;

/// <content>What the rank has to say to the job and repeats until it is answered: accusations, faults, leaving, the end.</content>
public sealed partial class RankMachine
{
    /// <summary>
    /// Time to the next repetition: half a second, or half a millisecond for each rank of the job where that is more, since all of them have one
    /// job to tell; twice as long after each one that brought nothing new, up to eight times.
    /// </summary>
    private TimeSpan RepeatPeriod => TimeSpan.FromMilliseconds(Math.Max(500, 0.5 * (members?.Members.Count ?? 0))) * (1 << Math.Min(repetitions, 3));

    private int repetitions;

    /// <summary>
    /// Time after which a rank that has a plan and has come no step farther says where it is, or a millisecond for each rank of the job where that
    /// is more. The job, loaded anew, may have gone on without it, and the order to let go may have been lost together with the job's memory
    /// of it: whoever stands still says so, or it would hold its device for ever.
    /// </summary>
    private TimeSpan StandstillPeriod => TimeSpan.FromMilliseconds(Math.Max(5000, members?.Members.Count ?? 0));

    private bool IsUnderPlan => phase is Phase.CatchingUp or Phase.Running;

    private readonly SortedDictionary<NodeId, PeerAccused> accusations = [];
    private bool aborted;
    private string? fault;
    private FaultKind faultKind;
    private long faultStep;
    private string? leaveReason;
    private TimeSpan repeatAt;
    private TimeSpan lookAt;
    private long appliedAtLook;

    private TimeSpan? NextRepetition => !HasSomethingToRepeat ? IsUnderPlan ? lookAt : null : IsUnderPlan && lookAt < repeatAt ? lookAt : repeatAt;

    private bool HasSomethingToRepeat => phase == Phase.Idle ? leaveReason is not null && !isLetGo
        : (phase == Phase.Promised || aborted || accusations.Count > 0 || fault is not null || unreadable is not null || leaveReason is not null || (phase == Phase.Finished && finalHash is not null));

    private void OnPeerLost(PeerLost lost)
    {
        if (lost.Generation > Generation)
        {
            // The connections of a generation are opened when its membership is known, and may fail before the order to prepare is here.
            futureLosses.Add(lost);
            return;
        }

        if (lost.Generation == Generation && phase != Phase.Idle)
        {
            // Nothing more will come of this generation. Each rank says so for itself, or one that was left out would never be released.
            aborted = true;
            repetitions = 0;
            if (repeatAt <= now)
                repeatAt = now + RepeatPeriod;
            Accuse(lost.Node, lost.Evidence, lost.Detail, lost.Unreached);
        }
    }

    private void ReplayLosses()
    {
        var losses = futureLosses.ToArray();
        futureLosses.Clear();
        foreach (var lost in losses)
            OnPeerLost(lost);
    }

    private void Accuse(NodeId node, Evidence evidence, string detail, bool unreached = false)
    {
        // The ranks of one worker share its connections: one voice is enough, that of the first. Members are sorted by node.
        if (members is null || accusations.ContainsKey(node) || node == Options.Gpu.Node || (rank > 0 && members.Members[rank - 1].Gpu.Node == Options.Gpu.Node))
            return;
        var accusation = new PeerAccused
        {
            Job = Options.Job,
            Generation = Generation,
            Accuser = Options.Gpu.Node,
            Accused = node,
            Evidence = evidence,
            Detail = detail,
            Unreached = unreached ? true : null,
        };
        accusations.Add(node, accusation);
        outputs.Add(new TellJob(accusation));
        repeatAt = now + RepeatPeriod;
    }

    private void OnDeviceFailed(string detail, FaultKind kind)
    {
        // Whatever the device was doing has ended, and the numbers behind it can no longer be trusted; a state that was kept for a quick
        // return is gone as well, and with it the step at which the device failed.
        var failedAt = Math.Max(0, Applied + 1);
        DiscardState();
        work.Fail();
        isSaveSpoilt = writing is not null;
        answerOwed = false;
        if (phase == Phase.Idle || fault is not null)
            return;
        ReleaseFrames();
        (fault, faultKind, faultStep) = (detail, kind, failedAt);
        repetitions = 0;
        phase = Phase.Faulted;
        Repeat(all: true);
    }

    private void LookForStandstill()
    {
        if (!IsUnderPlan || now < lookAt)
            return;
        if (Applied == appliedAtLook)
            outputs.Add(new TellJob(Progress()));
        BeginLooking();
    }

    private void BeginLooking() => (appliedAtLook, lookAt) = (Applied, now + StandstillPeriod);

    private void Repeat(bool all)
    {
        if (!all && (now < repeatAt || !HasSomethingToRepeat))
            return;
        repetitions = all ? 0 : repetitions + 1;
        repeatAt = now + RepeatPeriod;
        if (phase == Phase.Idle)
        {
            if (leaveReason is not null && !isLetGo)
                outputs.Add(new TellJob(Leaving()));
            return;
        }

        if (phase == Phase.Promised)
            AnswerOrSayBusy();
        if (aborted && phase is Phase.CatchingUp or Phase.Running)
            outputs.Add(new TellJob(Progress()));
        foreach (var accusation in accusations.Values)
            outputs.Add(new TellJob(accusation));
        if (fault is not null)
            outputs.Add(new TellJob(new RankFaulted { Job = Options.Job, Generation = Generation, Gpu = Options.Gpu, Detail = fault, Kind = faultKind, Step = faultStep }));
        if (unreadable is not null)
            outputs.Add(new TellJob(unreadable));
        if (leaveReason is not null)
            outputs.Add(new TellJob(Leaving()));
        if (phase == Phase.Finished && finalHash is not null)
        {
            outputs.Add(new TellJob(new RankFinished { Job = Options.Job, Generation = Generation, Gpu = Options.Gpu, Step = Applied, RecordedThrough = recordedThrough, StateSha256 = finalHash }));
            if (rank == 0)
                outputs.Add(new StoreModel(Applied));
        }
    }

    private RankLeaving Leaving() => new() { Job = Options.Job, Generation = Generation, Gpu = Options.Gpu, Reason = leaveReason! };
}
