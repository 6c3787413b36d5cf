using Coordinator.Machines.Jobs.Parts;
using Coordinator.Machines.Jobs.Policies;

namespace Coordinator.Machines.Jobs;

/// <content>What workers report, and what follows from each report by itself. What follows from all of them together is decided
/// after.</content>
public sealed partial class TrainingJobMachine
{
    /// <summary>
    /// In jobs of more members their answers, and in larger crowds those that join, are no events of their own: each would be a row on the
    /// disk at every recovery, and the generation's own events say how many they were.
    /// </summary>
    private const int MostMemberEvents = 256;

    /// <summary>Faults that are remembered: of a job of thousands of ranks that all fail, some are as good as all.</summary>
    private const int MostFaults = 256;

    private void OnReport(WorkerReported reported)
    {
        var report = reported.Report;
        records.NoteGeneration(report.Generation, State.Generation);
        NoteIndirectly(reported.Node, reported.Session, connected: true);
        switch (report)
        {
            case StepsApplied steps:
                OnSteps(reported.Node, steps);
                return;
            case MembershipUnknown unknown when unknown.Generation == State.Generation:
                round.Delivery.NoteUnknown(unknown.Node);
                round.AskAgain(unknown.Node);
                return;
            case PeerAccused accused:
                if (evidence.Add(accused))
                    recovery.NoteSign(Now);
                break;
            case RankState answer:
                OnAnswer(answer, reported.Session);
                break;
            case PlanTaken taken when taken.Generation == State.Generation:
                plans.NoteTaken(taken.Gpu);
                break;
            case RankAdvanced advanced when advanced.Generation == State.Generation:
                OnAdvanced(advanced.Gpu, advanced.Step);
                break;
            case RankFaulted fault:
                OnFaulted(fault);
                break;
            case RankLeaving leave:
                OnLeaving(leave, reported.Session);
                break;
            case RankFinished finished:
                OnRankFinished(finished);
                break;
            case RankReleased released:
                OnReleased(released);
                return;
            case RankPreparing preparation:
                OnPreparing(preparation, reported.Session);
                break;
            case CheckpointPartSaved saved:
                checkpoints.OnPartSaved(saved);
                FailIfSavedNumbersAreNone();
                return;
            case CheckpointSealed written:
                checkpoints.OnSealed(written);
                return;
            case CheckpointFailed failed:
                checkpoints.OnFailed(failed);
                return;
            case CheckpointUnreadable damaged:
                OnUnreadable(damaged, reported.Session);
                break;
        }

        ReleaseStranger(report);
    }

    /// <summary>Who still reports, and is no member any more or of a job that has ended, has not heard it: it is released again.</summary>
    private void ReleaseStranger(JobReport report)
    {
        var strangers = report switch
        {
            RankState answer => [answer.Gpu],
            RankFinished finished => [finished.Gpu],
            RankFaulted fault => [fault.Gpu],
            RankLeaving leave => [leave.Gpu],
            PlanTaken taken => [taken.Gpu],
            RankAdvanced progress => [progress.Gpu],
            CheckpointUnreadable damaged => [damaged.Gpu],
            RankPreparing preparation when context.IsOver => [preparation.Gpu],
            RankPreparing => [],
            _ when context.IsOver => State.Members.Select(member => member.Gpu),
            _ => (IEnumerable<GpuId>)[],
        };
        foreach (var gpu in strangers.ToArray())
        {
            if (context.IsOver || context.MemberOf(gpu) is null)
                releases.Begin(gpu, context.IsOver ? State.Reason : "not a member");
        }
    }

    private void OnAnswer(RankState answer, WorkerSession session)
    {
        // Whoever was asked before it was ready answers as soon as it is, be it that the others have gone on without it.
        if (answer.Boot == session.Boot && context.MemberOf(answer.Gpu) is null)
            preparations.EndAside(answer.Gpu);
        if (answer.Generation != State.Generation || context.MemberOf(answer.Gpu) is not { } member || member.Boot != answer.Boot
            || session.Boot != answer.Boot)
        {
            return;
        }
        if (!round.IsOpen)
        {
            OnPromiseWithoutPlan(answer.Gpu);
            return;
        }

        round.Delivery.NoteKnown(answer.Gpu.Node, State.Generation);
        records.Note(answer.Timeline, answer.RecordedThrough, State.Timeline);
        search.NoteAnswer(answer);
        if (!round.Add(answer))
        {
            OnInitialState(answer);
            return;
        }

        NoteHolding(answer);
        preparations.NoteAnswered(answer.Gpu);
        if (round.IsComplete)
            RefuseOtherIdentities();
        if (parking.IsParked)
            offers.RequestNow();
        if (State.Members.Count > MostMemberEvents)
            return;
        context.Observe(
            EventKinds.RankState, $"{answer.Gpu} has applied {answer.Applied}{(answer.HasState ? "" : ", without state")}",
            gpu: answer.Gpu, node: answer.Gpu.Node, step: answer.HasState ? answer.Applied : null,
            numbers: new SortedDictionary<string, double>
            {
                ["applied"] = answer.HasState ? answer.Applied : -1,
                ["boot"] = answer.Boot,
                ["held"] = answer.Held.Sum(subtree => subtree.Size),
            });
    }

    /// <summary>What an answer proves: that its member has the state or has not, and that the job can be computed.</summary>
    private void NoteHolding(RankState answer)
    {
        evidence.NoteHolding(answer.Gpu, answer.HasState);
        if (!answer.HasState && State.HeldByMembers)
            context.Persist(State with { HeldByMembers = false, Recorded = records.Through });
        if (answer is { HasState: true } and ({ Applied: > 0 } or { Held.Count: > 0 }))
            NoteComputed();
    }

    /// <summary>
    /// A member says again that it waits for its plan. Plans that were made are repeated until they are taken, which is soon enough; where
    /// this activation never made one, the silo that did is gone, and a new generation takes the place of what it decided.
    /// </summary>
    private void OnPromiseWithoutPlan(GpuId gpu)
    {
        if (stalled is not null || plans.Knows(gpu))
            return;
        recovery.Ask($"{gpu} waits for a plan that an earlier activation made");
        context.MarkDirty();
    }

    private void OnAdvanced(GpuId gpu, long step)
    {
        NoteComputed();
        plans.NoteTaken(gpu);
        if (round.IsOpen || context.MemberOf(gpu) is null || !plans.NoteAdvanced(gpu))
            return;
        lastProgress = Now;
        context.MarkDirty();
        search.NoteFound();
        plans.NoteRunning();
        preparations.Clear();
        context.Persist(State with
        {
            Planned = true,
            Newcomers = [],
            HeldByMembers = false,
            HoldersEnded = false,
            Recorded = records.Through,
        });
        context.Observe(
            EventKinds.GenerationRunning,
                $"generation {State.Generation}: {(plans.AdvancedCount == 1 ? "all ranks (1)" : $"all {plans.AdvancedCount} ranks")} "
                    + $"have applied step {step}",
            recovery.Cause,
            step: step, durationMs: recovery.Since is { } since ? (Now - since).TotalMilliseconds : null,
            numbers: new SortedDictionary<string, double>
            {
                ["formMs"] = recovery.Since is { } detected ? (round.FormedAt - detected).TotalMilliseconds : 0,
                ["askMs"] = (plans.PlannedAt - round.FormedAt).TotalMilliseconds,
                ["stepMs"] = (Now - plans.PlannedAt).TotalMilliseconds,
            });
        recovery.Clear();
        LetGo();
        if (soleHolder.Note())
            offers.RequestNow();
    }

    /// <summary>
    /// Records steps. Those of another timeline are recorded as such where the job is about to go on from a state of it, and else nobody
    /// needs them. A job that is over records nothing more: its last step is the one that it ended at, whatever its workers did behind it.
    /// </summary>
    private void OnSteps(NodeId node, StepsApplied steps)
    {
        if (steps.Steps.Count == 0)
            return;
        if (context.IsOver)
        {
            Acknowledge(node, steps.Timeline, isNews: false);
            return;
        }

        if (steps.Timeline != State.Timeline)
        {
            if (steps.Timeline == round.Regaining && round.IsOpen)
                RecordForRegained(node, steps);
            return;
        }

        var (reported, broken) = FiniteNumbers.Cut(State.Spec, steps.Steps, records.Through);
        var news = records.Take(reported);
        if (news.Count > 0)
        {
            context.ObserveSteps(steps.Timeline, news);
            context.Change(State with { Loss = records.LastLoss });
            if (!State.Started)
                context.Persist(State with { Started = true, Recorded = records.Through });
            lastProgress = Now;
            if (broken is not null)
            {
                FailForNumbers(broken);
                return;
            }

            checkpoints.NoteReport();
            SettleFaults();
            if (FailIfSavedNumbersAreNone())
                return;
        }

        Acknowledge(node, steps.Timeline, news.Count > 0);
    }

    private bool FailIfSavedNumbersAreNone()
    {
        if (context.IsOver || checkpoints.Broken is not { } broken)
            return false;
        FailForState(broken.Step, broken.Nonfinite);
        return true;
    }

    private void RecordForRegained(NodeId node, StepsApplied steps)
    {
        var (reported, broken) = FiniteNumbers.Cut(State.Spec, steps.Steps, records.Of(steps.Timeline, State.Timeline));
        var news = records.TakeOf(steps.Timeline, reported);
        if (news.Count > 0)
        {
            context.ObserveSteps(steps.Timeline, news);
            if (broken is not null)
            {
                FailForNumbers(broken);
                return;
            }

            context.MarkDirty();
        }

        Acknowledge(node, steps.Timeline, news.Count > 0);
    }

    private void Acknowledge(NodeId node, int timeline, bool isNews)
    {
        var through = records.Of(timeline, State.Timeline);
        context.Send(GrainAddress.Of(node),
            new NodeOrders(context.Id, State.Incarnation, null, [], new StepsRecorded(context.Id, timeline, through)));
        if (isNews)
            round.AskForMore(node, timeline, through);
    }

    private void OnLeaving(RankLeaving leave, WorkerSession session)
    {
        if (context.IsOver || !departures.AddEnding(leave.Gpu, session, leave.Reason))
            return;
        var member = context.MemberOf(leave.Gpu);
        if (member?.Boot == session.Boot)
            Leave(leave.Gpu, leave.Reason, LeaveCause.Ending);
        else if (member is null && parking.IsStateHeld)
            releases.End(leave.Gpu); // What it was sent before was not that it may end.
    }

    private void OnReleased(RankReleased released)
    {
        if (released.Generation < State.Generation && !context.IsOver && context.MemberOf(released.Gpu) is not null)
            return;
        if (!context.IsOver && handovers.Awaits(released))
            return;
        releases.End(released.Gpu);
        if (handovers.Has(released.Gpu))
            context.MarkDirty();
        if (releases.NoteHeard(released.Gpu))
            context.MarkDirty();
    }

    private void OnPreparing(RankPreparing report, WorkerSession session)
    {
        if (!report.Ready)
        {
            preparations.Note(report, session);
            return;
        }

        preparations.NoteReady(report.Gpu);
        if (context.MemberOf(report.Gpu) is null)
            releases.Begin(report.Gpu, "ready: it is called when the job has room");
    }

    private void OnUnreadable(CheckpointUnreadable report, WorkerSession session)
    {
        if (context.MemberOf(report.Gpu) is not { } member || member.Boot != session.Boot
            || !search.Knows(report.Checkpoint))
        {
            return;
        }
        if (search.AddUnreadable(report.Checkpoint, member))
        {
            context.Observe(
                EventKinds.CheckpointUnreadable,
                $"{report.Gpu} cannot read the checkpoint of step {report.Checkpoint.Step}: {report.Detail}",
                gpu: report.Gpu, node: report.Gpu.Node, step: report.Checkpoint.Step);
        }

        if (report.Generation != State.Generation || round.IsOpen || stalled is not null || search.Restoring?.Id != report.Checkpoint)
            return;
        recovery.Ask($"{report.Gpu} cannot read the checkpoint of step {report.Checkpoint.Step}", RecoveryReason.Unreadable);
        context.MarkDirty();
    }

    /// <summary>
    /// A rank could not go on. A gpu is suspected only when the job has come a step farther without it (<see cref="FaultPolicy"/>); until
    /// then it is left out, and others are asked for in its place.
    /// </summary>
    private void OnFaulted(RankFaulted fault)
    {
        // It prepares no more, so nothing is to be waited for.
        preparations.EndAside(fault.Gpu);
        NoteStateGone(fault);
        if (fault.Generation != State.Generation || context.MemberOf(fault.Gpu) is not { } member || context.IsOver
            || !evidence.AddFault(fault.Gpu, fault.Detail))
        {
            return;
        }

        EndPromise(fault);
        if (fault.Whose == FaultKind.Worker)
        {
            evidence.MarkUnable(fault.Gpu);
            return;
        }

        // Durable with the generation that follows, or with the job's end.
        context.Change(State with
        {
            Faults = [.. State.Faults.TakeLast(MostFaults - 1),
                new RankFault(fault.Gpu, member.Boot, fault.Generation, fault.Whose, fault.Detail) { At = Now }],
            FaultedAt = Math.Max(State.FaultedAt, Math.Max(records.Through, Math.Min(fault.Step, State.Spec.Training.Steps) - 1)),
        });

        // Before the first offer after a load the members are all that is known of the gpus that could be tried.
        if (offers.HaveCome && FaultPolicy.WhyJobs(State.Faults, State.Started || State.Computed, [.. offers.Reachable]) is { } why)
            Fail(why);
    }

    /// <summary>
    /// Members that wait since too few are left are asked nothing, and one whose device fails meanwhile speaks of an earlier generation:
    /// what all of them held they hold no more, so nobody else may give it up.
    /// </summary>
    private void NoteStateGone(RankFaulted fault)
    {
        if (State.HeldByMembers && !context.IsOver && context.MemberOf(fault.Gpu) is not null)
            context.Persist(State with { HeldByMembers = false, Recorded = records.Through });
    }

    /// <summary>The job has come a step farther: who failed at it before is to blame, unless it has computed it itself since.</summary>
    private void SettleFaults()
    {
        if (State.Faults.Count == 0 || records.Through <= State.FaultedAt || context.IsOver)
            return;
        foreach (var suspect in FaultPolicy.Suspects(State.Faults,
            [.. State.Members.Select(member => member.Gpu).Where(gpu => !evidence.HasFaulted(gpu))]))
        {
            context.Send(GrainAddress.Of(suspect.Gpu),
                new GpuFaultReported(new WorkerSession(suspect.Boot, long.MaxValue), suspect.Detail));
        }
        context.Persist(State with { Faults = [], FaultedAt = 0, Recorded = records.Through });
        offers.RequestNow();
        context.MarkDirty();
    }

    /// <summary>
    /// A member has computed a shard, or applied a step: some device can compute the job. Durable with what is stored next.
    /// </summary>
    private void NoteComputed()
    {
        if (!State.Computed)
            context.Change(State with { Computed = true });
    }
}
