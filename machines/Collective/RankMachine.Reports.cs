namespace Coordinator.Machines;

/// <content>What the rank has to say to the job and repeats until it is answered: accusations, faults, leaving, the end.</content>
public sealed partial class RankMachine
{
    private RankFaulted? fault;
    private string? leaveReason;

    private bool IsUnderPlan => phase is Phase.CatchingUp or Phase.Running;

    private TimeSpan? NextRepetition => !HasSomethingToRepeat ? IsUnderPlan ? repetition.LookAt : null
        : IsUnderPlan && repetition.LookAt < repetition.At ? repetition.LookAt : repetition.At;

    private bool HasSomethingToRepeat => phase == Phase.Idle
        ? leaveReason is not null && !isLetGo
        : phase == Phase.Promised || accusations.IsAborted || accusations.Any || fault is not null || unreadable is not null
            || leaveReason is not null
            || (phase == Phase.Finished && hash.Value is not null);

    private void OnPeerLost(PeerLost lost)
    {
        if (lost.Generation > Generation)
        {
            accusations.Postpone(lost);
            return;
        }

        if (lost.Generation != Generation || phase == Phase.Idle)
            return;
        accusations.Abort();
        repetition.ArmForNews();
        Accuse(lost.Node, lost.Evidence, lost.Detail, lost.Unreached);
    }

    /// <summary>A member has sent what no member sends under the plan.</summary>
    private void AccuseRank(int of, string detail) => Accuse(context.Members!.Members[of].Gpu.Node, Evidence.Invalid, detail);

    private void Accuse(NodeId node, Evidence evidence, string detail, bool unreached = false)
    {
        if (accusations.Add(node, evidence, detail, unreached))
            repetition.Arm();
    }

    private void OnDeviceFailed(DeviceFailed failed)
    {
        // Whatever the device was doing has ended, and the numbers behind it can no longer be trusted; a state that was kept for a quick
        // return is gone as well, and with it the step at which the device failed.
        var failedAt = Math.Max(0, Applied + 1);
        DiscardState();
        work.Fail();
        saving.Spoil();
        answerOwed = false;
        if (phase == Phase.Idle || fault is not null)
            return;
        ReleaseFrames();
        fault = new RankFaulted
        {
            Job = Options.Job,
            Generation = Generation,
            Gpu = Options.Gpu,
            Detail = failed.Detail,
            Kind = failed.Kind,
            Disagrees = failed.Disagrees,
            Step = failedAt,
        };
        repetition.Reset();
        phase = Phase.Faulted;
        Repeat(all: true);
    }

    private void LookForStandstill()
    {
        if (IsUnderPlan && repetition.LookForStandstill(Applied))
            context.Tell(Progress());
    }

    private void Repeat(bool all)
    {
        if (!all && (!repetition.IsDue || !HasSomethingToRepeat))
            return;
        repetition.Rearm(isNews: all);
        if (phase == Phase.Idle)
        {
            if (leaveReason is not null && !isLetGo)
                context.Tell(Leaving());
            return;
        }

        if (phase == Phase.Promised)
            AnswerOrSayBusy();
        if (accusations.IsAborted && IsUnderPlan)
            context.Tell(Progress());
        accusations.Repeat();
        if (fault is not null)
            context.Tell(fault);
        if (unreadable is not null)
            context.Tell(unreadable);
        if (leaveReason is not null)
            context.Tell(Leaving());
        if (phase == Phase.Finished && hash.Value is { } sha256)
        {
            context.Tell(new RankFinished
            {
                Job = Options.Job,
                Generation = Generation,
                Gpu = Options.Gpu,
                Step = Applied,
                RecordedThrough = record.Through,
                StateSha256 = sha256,
                Nonfinite = hash.Nonfinite,
            });
            if (context.Rank == 0)
                context.Do(new StoreModel(Applied));
        }
    }

    /// <summary>How far the rank is under its plan.</summary>
    private JobReport Progress() => advanced
        ? new RankAdvanced { Job = Options.Job, Generation = Generation, Gpu = Options.Gpu, Step = Applied }
        : PlanIsTaken();

    private PlanTaken PlanIsTaken() => new() { Job = Options.Job, Generation = Generation, Gpu = Options.Gpu };

    private RankLeaving Leaving() => new() { Job = Options.Job, Generation = Generation, Gpu = Options.Gpu, Reason = leaveReason! };
}
