namespace Coordinator.Machines.Jobs;

/// <content>A generation from its question to its first step: answers, decision, plans.</content>
public sealed partial class TrainingJobMachine
{
    private static readonly TimeSpan RecordPatience = TimeSpan.FromSeconds(5);

    /// <summary>
    /// In jobs of more members their answers, and in larger crowds those that join, are no events of their own: each would be a row on the
    /// disk at every recovery, and the generation's own events say how many they were.
    /// </summary>
    private const int MostToldByMember = 256;

    private static readonly TimeSpan SlowAskPeriod = TimeSpan.FromSeconds(2);

    private readonly SortedDictionary<GpuId, RankPlan> plans = [];
    private readonly SortedSet<GpuId> plansTaken = [];
    private readonly SortedSet<GpuId> advancedRanks = [];
    private ShardsDealt? deal;

    /// <summary>Members, sorted, of the generations that plans were last made for, and that last ran: ranks go by the shard map of one of them. Not durable: a deal without them is only longer.</summary>
    private IReadOnlyList<GpuId> lastPlanned = [];
    private IReadOnlyList<GpuId> lastRan = [];

    private SortedDictionary<GpuId, RankState>? forming;
    private TimeSpan formedAt;

    /// <summary>When the last answer to the generation's question came that was news, or the question itself left.</summary>
    private TimeSpan answeredAt;
    private TimeSpan plannedAt;

    /// <summary>When the last record came that the plan waits for.</summary>
    private TimeSpan recordsCameAt;
    private TimeSpan? askAt;
    private TimeSpan? stateLostAt;
    private long recorded;
    private double? lastLoss;
    /// <summary>
    /// A storage that was set back may have lost generations that workers know, but not so many: a report of one farther ahead is no word of
    /// a rank's, and would use up the numbers.
    /// </summary>
    private const long MostLostGenerations = 1 << 20;

    private long highestReported;

    /// <summary>
    /// Time before a question or a plan is repeated: 200 ms, or 0.25 ms for each member where that is more, since thousands of them would be
    /// asked again while their first answers are on the way; twice as long before each further repetition, up to eight times, since where
    /// answers are late for want of time, repeated questions make them later.
    /// </summary>
    private TimeSpan AskPeriod => TimeSpan.FromMilliseconds(Math.Max(200, 0.25 * state!.Members.Count)) * (1 << Math.Min(repetitions, 3));

    private int repetitions;

    /// <summary>Plans are out, and not every member has applied a step under them yet.</summary>
    private bool IsResuming => plans.Count > 0 && advancedRanks.Count < state!.Members.Count;

    private void BeginForming()
    {
        forming = [];
        ForgetPreparations();
        regaining = null;
        formedAt = answeredAt = now;
        repetitions = 0;
        AskMissing();
    }

    /// <summary>Asks all members that have not answered, node by node.</summary>
    private void AskMissing() => Ask(state!.Members.Where(member => !forming!.ContainsKey(member.Gpu)));

    /// <summary>
    /// A node has come back, or lacks the membership: it is asked at once, and alone. The next question to all may be far off, and where
    /// thousands come back one after the other it would be far off for most.
    /// </summary>
    private void AskAgain(NodeId node)
    {
        nodeTold.Remove(node);
        if (forming is not null)
            Tell(MembersOn(node).Where(member => !forming.ContainsKey(member.Gpu)));
    }

    private void Ask(IEnumerable<Member> some)
    {
        askAt = now + AskPeriod;
        Tell(some);
    }

    private void Tell(IEnumerable<Member> some)
    {
        foreach (var node in some.GroupBy(member => member.Gpu.Node))
        {
            var change = lastChange is not null && nodeKnows.GetValueOrDefault(node.Key) == lastChange.FromGeneration && !node.Any(member => newcomers.Contains(member.Gpu)) ? lastChange : wholeChange;

            // A membership is long, and a question that is repeated needs it no second time: a worker that it did not reach says so.
            if (nodeTold.GetValueOrDefault(node.Key) == state!.Generation)
                change = null;
            nodeTold[node.Key] = state.Generation;
            outputs.Send(GrainAddress.Of(node.Key), new NodeOrders(id, state!.Incarnation, change,
            [
                .. node.Select(member => new PrepareRank
                {
                    Job = id,
                    Incarnation = state.Incarnation,
                    Timeline = state.Timeline,
                    Generation = state.Generation,
                    Gpu = member.Gpu,
                    RecordedThrough = recorded,
                }),
            ]));
        }
    }

    private void OnReport(WorkerReported reported)
    {
        var report = reported.Report;
        if (report.Generation <= state!.Generation + MostLostGenerations)
            highestReported = Math.Max(highestReported, report.Generation);
        NoteSession(reported.Node, reported.Session, connected: true, hearsay: true);
        switch (report)
        {
            case StepsApplied steps:
                OnSteps(reported.Node, steps);
                return;
            case MembershipUnknown unknown when unknown.Generation == state!.Generation:
                nodeKnows.Remove(unknown.Node);
                AskAgain(unknown.Node);
                return;
            case PeerAccused accused:
                OnAccused(accused);
                break;
            case RankState answer:
                OnAnswer(answer, reported.Session);
                break;
            case PlanTaken taken when taken.Generation == state!.Generation:
                plansTaken.Add(taken.Gpu);
                break;
            case RankAdvanced advancedRank when advancedRank.Generation == state!.Generation:
                OnAdvanced(advancedRank.Gpu, advancedRank.Step);
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
                OnPartSaved(saved);
                return;
            case CheckpointSealed written:
                OnSealed(written);
                return;
            case CheckpointFailed failed:
                OnSaveFailed(failed);
                return;
            case CheckpointUnreadable damaged:
                OnUnreadable(damaged, reported.Session);
                break;
        }

        ReleaseStranger(report);
    }

    /// <summary>Who still reports, and is no member any more or of a job that has ended, has not heard it: it is told again.</summary>
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
            RankPreparing preparation when IsOver => [preparation.Gpu],
            RankPreparing => [],
            _ when IsOver => state!.Members.Select(member => member.Gpu),
            _ => (IEnumerable<GpuId>)[],
        };
        foreach (var gpu in strangers.ToArray())
        {
            if (IsOver || MemberOf(gpu) is null)
                BeginRelease(gpu, IsOver ? state!.Reason : "not a member");
        }
    }

    private void OnAnswer(RankState answer, WorkerSession session)
    {
        if (answer.Generation != state!.Generation || MemberOf(answer.Gpu) is not { } member || member.Boot != answer.Boot || session.Boot != answer.Boot)
            return;
        if (forming is null)
        {
            OnPromiseWithoutPlan(answer.Gpu);
            return;
        }

        nodeKnows[answer.Gpu.Node] = state.Generation;
        NoteRecorded(answer.Timeline, answer.RecordedThrough);
        if (answer.HasState)
            stateless.Remove(answer.Gpu);
        else
            stateless[answer.Gpu] = answer.Boot;
        if (!forming.TryAdd(answer.Gpu, answer))
            return;
        NoteHolding(answer);
        answeredAt = now;
        preparing.Remove(answer.Gpu);
        if (IsParked)
            requestAt = now;
        if (state.Members.Count > MostToldByMember)
            return;
        Observe(EventKinds.RankState, $"{answer.Gpu} has applied {answer.Applied}{(answer.HasState ? "" : ", without state")}", gpu: answer.Gpu, node: answer.Gpu.Node, step: answer.HasState ? answer.Applied : null,
            numbers: new SortedDictionary<string, double> { ["applied"] = answer.HasState ? answer.Applied : -1, ["boot"] = answer.Boot, ["held"] = answer.Held.Sum(subtree => subtree.Size) });
    }

    /// <summary>What an answer proves: that its member has the state or has not, and that the job can be computed.</summary>
    private void NoteHolding(RankState answer)
    {
        holding[answer.Gpu] = answer.HasState;
        if (!answer.HasState && state!.HeldByMembers)
            Persist(state with { HeldByMembers = false, Recorded = recorded });
        if (answer is { HasState: true } and ({ Applied: > 0 } or { Held.Count: > 0 }))
            NoteComputed();
    }

    /// <summary>
    /// A member says again that it waits for its plan. Plans that were made are repeated until they are taken, which is soon enough; where
    /// this activation never made one, the silo that did is gone, and a new generation takes the place of what it decided.
    /// </summary>
    private void OnPromiseWithoutPlan(GpuId gpu)
    {
        if (stalled is not null || advancedRanks.Contains(gpu) || plansTaken.Contains(gpu) || plans.ContainsKey(gpu))
            return;
        formAgain ??= $"{gpu} waits for a plan that an earlier activation made";
        stirred = true;
    }

    /// <summary>Between messages: ask again, plan when all have answered, repeat plans that were not taken.</summary>
    private void DecideRecovery()
    {
        if (stalled is not null)
        {
            CheckStateTimeout();
            return;
        }

        if (forming is not null)
        {
            if (IsParked)
                return;
            if (forming.Count == state!.Members.Count)
            {
                RankState[] answers = [.. forming.Values];
                var choice = ChooseState(answers);
                if (IsRecordComplete(choice))
                    Plan(choice, answers);
            }
            else if (now >= askAt)
            {
                repetitions++;
                AskMissing();
            }

            return;
        }

        if (IsResuming && now >= askAt)
            RepeatPlans();
    }

    /// <summary>
    /// All that any member has applied on the way to the state that was chosen is recorded; members say what they know before they answer.
    /// Where one of those that have applied the most can be reached, its word is only late, and is asked for again; else, after the answer
    /// timeout, the job goes on without, and the gap shows. What members know of another timeline is recorded only where it is needed, so
    /// they are asked for that at once. A member says some hundreds of steps at a time: while more come, the job waits, however many there are.
    /// </summary>
    private bool IsRecordComplete(StateChoice choice)
    {
        var timeline = TimelineOf(choice);
        var holders = forming!.Values.Where(answer => answer.HasState && answer.Timeline == timeline && answer.Applied > RecordedOf(choice)).ToArray();
        if (holders.Length == 0)
            return true;
        if (timeline != state!.Timeline && regaining != timeline)
            (regaining, askAt) = (timeline, now);
        var isLate = holders.Any(answer => MemberOf(answer.Gpu) is { } member && IsReachable(member));
        if (now >= Max(AnswersDue, isLate ? Max(formedAt, recordsCameAt) + RecordPatience : TimeSpan.Zero))
            return true;
        if (now >= askAt)
            Ask(state!.Members);
        return false;
    }

    private void Plan(StateChoice choice, RankState[] answers)
    {
        var spec = state!.Spec;
        var decision = DecisionFor(choice, answers);
        if (decision is null)
        {
            stalled = $"no worker holds the state of step {recorded} or later; waiting for one that does"
                + (NewestReadable is not null && RestoreDue is { } due ? $"; back to the checkpoint of step {NewestReadable.Id.Step} in {Max(TimeSpan.Zero, due - now).TotalSeconds:0} s (checkpoint.restore_after)"
                : keptStep > 0 && RestoreDue is { } then ? $"; back to the state of step {keptStep} that a worker holds in {Max(TimeSpan.Zero, then - now).TotalSeconds:0} s"
                : state.Checkpoints.Count > 0 ? "; none of its checkpoints can be read" : "")
                + (NewestReadable is null && keptStep == 0 && spec.FaultTolerance.StateTimeout > TimeSpan.Zero ? $", at most {spec.FaultTolerance.StateTimeout.TotalSeconds:0} s (fault_tolerance.state_timeout)" : "");
            forming = null;
            Observe(EventKinds.JobWaiting, stalled, recoveryCause);
            return;
        }

        stateless.Clear();
        behind.Clear();
        plannedAt = now;
        GpuId[] members = [.. forming!.Keys];
        var (start, runs) = ShardDeal.Fold(decision.FirstStepShards, spec.Training.Shards, members, lastPlanned, lastRan);
        deal = new ShardsDealt(id, state.Incarnation, state.Generation, runs, start);
        lastPlanned = members;
        forming = null;
        for (var rank = 0; rank < answers.Length; rank++)
        {
            plans.Add(answers[rank].Gpu, new RankPlan
            {
                Job = id,
                Incarnation = state.Incarnation,
                Timeline = state.Timeline,
                Generation = state.Generation,
                Gpu = answers[rank].Gpu,
                Rank = rank,
                FirstStep = decision.Target + 1,
                CatchUp = decision.Members[rank].Way,
                Donors = decision.Members[rank].Donors,
                StateTimeline = choice.Source == StateSource.Kept ? choice.Timeline : null,
                Checkpoint = decision.Members[rank].Way == CatchUp.LoadCheckpoint ? restoring : null,
                RecordedThrough = recorded,
                LastStep = state.Submitted is null ? null : spec.Training.Steps,
                Device = offers.TryGetValue(answers[rank].Gpu, out var offer) && offer.Device.Length > 0 ? offer.Device : state.Device,
                DeviceClass = state.DeviceClass ?? "",
            });
        }

        Observe(EventKinds.GenerationPlanned, decision.Reason, recoveryCause, step: decision.Target, durationMs: (now - formedAt).TotalMilliseconds,
            numbers: new SortedDictionary<string, double> { ["held"] = decision.HeldShards });

        state = state with { Reason = decision.Reason };
        SendPlans(plans.Values);
        repetitions = 0;
        askAt = now + AskPeriod;
        lastProgress = now;
    }

    private void SendPlans(IEnumerable<RankPlan> some)
    {
        foreach (var node in some.GroupBy(plan => plan.Gpu.Node))
            outputs.Send(GrainAddress.Of(node.Key), new NodeOrders(id, state!.Incarnation, null, [.. node], Deal: deal));
    }

    private void RepeatPlans()
    {
        repetitions++;
        var untaken = plans.Values.Where(plan => !plansTaken.Contains(plan.Gpu)).ToArray();
        SendPlans(untaken.Length > 0 ? untaken : plans.Values.Where(plan => !advancedRanks.Contains(plan.Gpu)));
        askAt = now + (untaken.Length > 0 ? AskPeriod : SlowAskPeriod);
    }

    private void OnAdvanced(GpuId gpu, long step)
    {
        NoteComputed();
        plansTaken.Add(gpu);
        if (forming is not null || MemberOf(gpu) is null || !advancedRanks.Add(gpu) || advancedRanks.Count < state!.Members.Count)
            return;
        lastProgress = now;
        stirred = true;
        StateIsFound();
        lastRan = lastPlanned;
        preparing.Clear();
        Persist(state with { Planned = true, Newcomers = [], HeldByMembers = false, HoldersEnded = false, Recorded = recorded });
        Observe(EventKinds.GenerationRunning, $"generation {state.Generation}: all {advancedRanks.Count} ranks have applied step {step}", recoveryCause, step: step,
            durationMs: recoverySince is { } since ? (now - since).TotalMilliseconds : null,
            numbers: new SortedDictionary<string, double>
            {
                ["formMs"] = recoverySince is { } detected ? (formedAt - detected).TotalMilliseconds : 0,
                ["askMs"] = (plannedAt - formedAt).TotalMilliseconds,
                ["stepMs"] = (now - plannedAt).TotalMilliseconds,
            });
        recoverySince = null;
        recoveryCause = null;
        LetGo();
    }

    /// <summary>What a rank knows to be recorded is, since it heard so from this job, maybe in an earlier activation.</summary>
    private void NoteRecorded(int timeline, long through)
    {
        if (timeline == state!.Timeline)
            recorded = Math.Max(recorded, through);
        else
            recordedBefore[timeline] = Math.Max(recordedBefore.GetValueOrDefault(timeline), through);
    }

    /// <summary>
    /// Records steps. A gap before the first one is no loss: a rank begins behind what it knows to be recorded, and it knows that only
    /// from this job, in this activation or an earlier one. Steps of another timeline are recorded as such where the job is about to go on from
    /// a state of it, and else nobody needs them.
    /// </summary>
    private void OnSteps(NodeId node, StepsApplied steps)
    {
        if (steps.Steps.Count == 0)
            return;
        var last = steps.Steps[^1];
        if (steps.Timeline != state!.Timeline)
        {
            if (steps.Timeline == regaining && forming is not null)
                RecordForRegained(node, steps, last.Step);
            return;
        }

        var isNews = last.Step > recorded;
        if (isNews)
        {
            outputs.Add(new ObserveSteps(id, steps.Timeline, [.. steps.Steps.Where(step => step.Step > recorded)]));
            recorded = last.Step;
            if (!state.Started)
                Persist(state with { Started = true, Recorded = recorded });
            lastLoss = last.Loss;
            lastStepMs = last.Milliseconds;
            lastProgress = now;
            NoteReport();
            SettleFaults();
        }

        outputs.Send(GrainAddress.Of(node), new NodeOrders(id, state.Incarnation, null, [], new StepsRecorded(id, state.Timeline, recorded)));
        if (isNews)
            AskForMore(node, steps.Timeline, recorded);
    }

    /// <summary>
    /// All members have answered, and the plan waits for the record: the one that has just said some of it, and has applied more, is asked for the
    /// next at once. A question's period for each few hundred steps would take minutes where a silo was away for long.
    /// </summary>
    private void AskForMore(NodeId node, int timeline, long through)
    {
        if (forming?.Count != state!.Members.Count)
            return;
        recordsCameAt = now;
        Tell(MembersOn(node).Where(member => forming[member.Gpu] is { HasState: true } answer && answer.Timeline == timeline && answer.Applied > through));
    }

    private void RecordForRegained(NodeId node, StepsApplied steps, long last)
    {
        var known = recordedBefore.GetValueOrDefault(steps.Timeline);
        var isNews = last > known;
        if (isNews)
        {
            outputs.Add(new ObserveSteps(id, steps.Timeline, [.. steps.Steps.Where(step => step.Step > known)]));
            recordedBefore[steps.Timeline] = last;
            stirred = true;
        }

        outputs.Send(GrainAddress.Of(node), new NodeOrders(id, state!.Incarnation, null, [], new StepsRecorded(id, steps.Timeline, recordedBefore[steps.Timeline])));
        if (isNews)
            AskForMore(node, steps.Timeline, last);
    }
}
