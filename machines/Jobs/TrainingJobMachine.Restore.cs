namespace Coordinator.Machines.Jobs;

/// <content>
/// Where no member holds the latest state: which other one the job goes on from, and when. It goes on from it on a new timeline, so that no
/// member mixes it with what it has itself. Nothing is given up for it before it is there: members keep what they hold until a checkpoint has
/// been verified or the first block of a donor's state has come, and what a worker beside them holds counts again when that worker comes
/// back before the job has got farther. The job fails for want of state only where no worker has any and no checkpoint can be read.
/// </content>
public sealed partial class TrainingJobMachine
{
    /// <summary>
    /// Processes that could not read a checkpoint. A checkpoint is lost only where that goes for every member: another worker may have the
    /// folder that this one lacks. After a pause all are tried again, since a file system may have been away.
    /// </summary>
    private readonly SortedDictionary<CheckpointId, HashSet<WorkerProcess>> unreadable = [];

    /// <summary>Steps recorded of timelines that the job has left, as far as this activation knows.</summary>
    private readonly SortedDictionary<int, long> recordedBefore = [];

    /// <summary>Ranks that hold a state which is not the latest, by the process that said so: it has no other to wait for.</summary>
    private readonly SortedDictionary<GpuId, EarlierState> behind = [];

    private readonly record struct EarlierState(long Boot, long Step);

    private CheckpointRef? restoring;

    /// <summary>Timeline of the kept state that was chosen, whose record is being made complete; null: none.</summary>
    private int? regaining;

    /// <summary>Step of the furthest state that a member held when the job found none to go on from; 0: none.</summary>
    private long keptStep;
    private TimeSpan? lookAgainAt;
    private int looks;

    /// <summary>The newest checkpoint that is not known to be unreadable for every member.</summary>
    private CheckpointRef? NewestReadable => state!.Checkpoints.Where(MayBeReadable).MaxBy(checkpoint => (checkpoint.Id.Step, checkpoint.Id));

    /// <summary>
    /// When the job stops waiting for a worker that may have the latest state; null: there is nothing to go back to. A state that is kept
    /// counts as much as a checkpoint where either there is one, or nobody is left who may have a later state; else it is the last resort
    /// before the job would fail.
    /// </summary>
    private TimeSpan? RestoreDue
    {
        get
        {
            if (stateLostAt is not { } lost)
                return null;
            var after = lost + state!.Spec.Checkpoint.RestoreAfter;
            if (StateDeadline is { } deadline && deadline < after)
                after = deadline;
            if (NewestReadable is not null)
                return AreHoldersGone ? lost : after;
            if (keptStep > 0)
                return AreHoldersGone ? lost : StateDeadline ?? after;
            return AreHoldersGone && IsSeedTheOnlyState ? lost : lookAgainAt;
        }
    }

    /// <summary>
    /// The job saves checkpoints and has not come to its first one: the seed is all that there is to go back to. Where checkpoints were saved
    /// and cannot be read, or were not wanted, a person decides: beginning again would silently spend all that was spent before.
    /// </summary>
    private bool IsSeedTheOnlyState => state!.Checkpoints.Count == 0 && !Interval.IsOff;

    /// <summary>
    /// Every process that held the state is proved gone by a newer one of its node. A process that is merely out of reach may come back
    /// with later steps than the checkpoint has, so it is waited for.
    /// </summary>
    private bool AreHoldersGone => state!.HoldersEnded || (state.Holders.Count > 0 && state.Holders.All(IsGone));

    /// <summary>
    /// Whether the process is known to hold nothing to wait for: a newer one of its node runs, or its ranks are members and have all answered
    /// that they have no state, or which one.
    /// </summary>
    private bool IsGone(WorkerProcess holder)
    {
        if (links.TryGetValue(holder.Node, out var link) && link.Session.Boot > holder.Boot)
            return true;
        var isMember = false;
        foreach (var member in MembersOn(holder.Node).Where(member => member.Boot == holder.Boot))
        {
            isMember = true;
            if (!(stateless.TryGetValue(member.Gpu, out var boot) && boot == holder.Boot) && StepBehind(member) is null)
                return false;
        }

        return isMember;
    }

    /// <summary>The step of the earlier state that a process has said it holds; null: it has said no such thing.</summary>
    private long? StepBehind(GpuId gpu, long boot) => behind.TryGetValue(gpu, out var known) && known.Boot == boot ? known.Step : null;

    private long? StepBehind(Member member) => StepBehind(member.Gpu, member.Boot);

    /// <summary>
    /// Whether the job may be better off with the process than with its members, while it waits for the latest state: one that has not said what
    /// it holds may have that; one that has must be ahead of all of them, or two with earlier states would take each other's place for ever.
    /// </summary>
    private bool MayRescue(GpuOffer offer) =>
        !IsStateless(offer) && (StepBehind(offer.Gpu, offer.Session.Boot) is not { } step || step > (state!.Members.Max(StepBehind) ?? -1));

    /// <summary>
    /// The processes that may hold the state: the members', once all of them have it. Before that some of them may have got it already,
    /// from those that had it before.
    /// </summary>
    private IReadOnlyList<WorkerProcess> HoldersNow
    {
        get
        {
            var members = state!.Members.Select(ProcessOf);
            if (state.Planned)
                return [.. members.Distinct()];
            var left = state.Holders.Concat(members).Where(holder => !IsGone(holder)).Distinct().ToArray();

            // None left is not the same as none known: those that are gone stay on the list as the proof of it.
            return left.Length > 0 ? left : state.Holders;
        }
    }

    private static WorkerProcess ProcessOf(Member member) => new(member.Gpu.Node, member.Boot);

    /// <summary>Whether some member has not failed to read it; without members, those that come may be others.</summary>
    private bool MayBeReadable(CheckpointRef checkpoint) =>
        !unreadable.TryGetValue(checkpoint.Id, out var tried) || state!.Members.Count == 0 || state.Members.Any(member => !tried.Contains(ProcessOf(member)));

    /// <summary>All have answered: what they go on from.</summary>
    private StateChoice ChooseState(IReadOnlyList<RankState> answers)
    {
        var choice = Choose(mayGoBack: false);
        if (choice.Source != StateSource.Nowhere)
            return choice;
        stateLostAt ??= now;
        keptStep = StateChoice.Furthest(answers)?.Step ?? 0;
        foreach (var answer in answers.Where(answer => answer.HasState))
            behind[answer.Gpu] = new EarlierState(answer.Boot, RecoveryPlanner.Reach(answer));
        if (RestoreDue is not { } due || now < due)
        {
            LookAgainLater();
            return choice;
        }

        if (now >= lookAgainAt)
        {
            unreadable.Clear();
            lookAgainAt = null;
        }

        return Choose(mayGoBack: true);

        StateChoice Choose(bool mayGoBack) => StateChoice.Of(answers, state!.Timeline, recorded, NewestReadable?.Id.Step, mayGoBack, AreHoldersGone && IsSeedTheOnlyState);
    }

    /// <summary>
    /// There are checkpoints, and nobody can read one: they are tried again after twice as long each time, and once more before the job gives
    /// up.
    /// </summary>
    private void LookAgainLater()
    {
        if (lookAgainAt is not null || unreadable.Count == 0 || NewestReadable is not null || now >= StateDeadline)
            return;
        var pause = Max(TimeSpan.FromSeconds(1), state!.Spec.Checkpoint.RestoreAfter) * (1 << Math.Min(looks++, 10));
        lookAgainAt = StateDeadline is { } deadline && deadline < now + pause ? deadline : now + pause;
    }

    /// <summary>The latest state is found again, or does not matter any more.</summary>
    private void StateIsFound()
    {
        stateLostAt = null;
        lookAgainAt = null;
        (keptStep, looks) = (0, 0);
    }

    /// <summary>What is recorded of the timeline that the choice is of.</summary>
    private long RecordedOf(StateChoice choice) =>
        choice.Source != StateSource.Kept || choice.Timeline == state!.Timeline ? recorded : recordedBefore.GetValueOrDefault(choice.Timeline);

    private int TimelineOf(StateChoice choice) => choice.Source == StateSource.Kept ? choice.Timeline : state!.Timeline;

    /// <summary>The plan for what was chosen; null: the job waits.</summary>
    private RecoveryDecision? DecisionFor(StateChoice choice, IReadOnlyList<RankState> answers)
    {
        var training = state!.Spec.Training;
        switch (choice.Source)
        {
            case StateSource.Present:
                StateIsFound();
                return RecoveryPlanner.Plan(answers, training.Shards, training.Steps, state.Timeline, recorded);
            case StateSource.Kept:
                StateIsFound();
                Regain(choice, answers);
                return RecoveryPlanner.Plan(answers, training.Shards, training.Steps, choice.Timeline, recorded: 0);
            case StateSource.Checkpoint or StateSource.Seed:
                return Restore(choice.Source == StateSource.Seed ? null : NewestReadable, answers);
            default:
                return null;
        }
    }

    /// <summary>
    /// Goes on from a state that members have kept. What they have applied is recorded, of the timeline on which they did; so the new one
    /// begins behind it.
    /// </summary>
    private void Regain(StateChoice choice, IReadOnlyList<RankState> answers)
    {
        var holders = answers.Where(answer => answer.HasState && answer.Timeline == choice.Timeline).ToArray();
        var (applied, gpu) = holders.Select(answer => (answer.Applied, answer.Gpu)).MaxBy(holder => holder.Applied);
        var undone = BeginTimeline(Math.Max(state!.Timeline, choice.Timeline) + 1, applied);
        Observe(EventKinds.StateRegained, $"{gpu} has kept the state of step {applied}, of timeline {choice.Timeline}: the job goes on from it" + (undone > 0 ? $", {undone} steps are computed again" : ""),
            recoveryCause, gpu.Node, gpu, applied, numbers: new SortedDictionary<string, double> { ["undone"] = undone });
    }

    /// <summary>Goes back to a checkpoint, or to the seed where that is null. It is not known yet that it can be read.</summary>
    private RecoveryDecision Restore(CheckpointRef? checkpoint, IReadOnlyList<RankState> answers)
    {
        restoring = checkpoint;
        var step = restoring?.Id.Step ?? 0;
        var undone = BeginTimeline(Math.Max(state!.Timeline, answers.Where(answer => answer.HasState).Select(answer => answer.Timeline).DefaultIfEmpty(0).Max()) + 1, step);
        if (restoring is null)
            StateIsFound();
        var to = restoring is null ? "no checkpoint was saved yet: begin again from the seed" : $"back to the checkpoint of step {step}";
        Observe(EventKinds.CheckpointRestored, $"no worker holds the state; {to}, {undone} steps are computed again", recoveryCause, step: step,
            numbers: new SortedDictionary<string, double> { ["undone"] = undone, ["bytes"] = restoring?.Bytes ?? 0 });
        return RecoveryPlanner.Restore(answers, state.Spec.Training.Shards, state.Spec.Training.Steps, step, CanRead);

        bool CanRead(RankState answer) => restoring is { } read && !(unreadable.TryGetValue(read.Id, out var tried) && tried.Contains(new WorkerProcess(answer.Gpu.Node, answer.Boot)));
    }

    /// <summary>A new timeline begins behind a step. Returns how many recorded steps are computed again.</summary>
    private long BeginTimeline(int timeline, long step)
    {
        recordedBefore[state!.Timeline] = recorded;

        // What is recorded may be more than this activation has heard of, and then the number is too small; the record itself has it all.
        var undone = Math.Max(0, recorded - step);
        recorded = step;
        Persist(state with { Timeline = timeline, Recorded = recorded });
        saving = null;
        return undone;
    }

    private void OnUnreadable(CheckpointUnreadable report, WorkerSession session)
    {
        if (MemberOf(report.Gpu) is not { } member || member.Boot != session.Boot || state!.Checkpoints.All(checkpoint => checkpoint.Id != report.Checkpoint))
            return;
        if (!unreadable.TryGetValue(report.Checkpoint, out var tried))
        {
            unreadable.Add(report.Checkpoint, tried = []);
            Observe(EventKinds.CheckpointUnreadable, $"{report.Gpu} cannot read the checkpoint of step {report.Checkpoint.Step}: {report.Detail}", gpu: report.Gpu, node: report.Gpu.Node, step: report.Checkpoint.Step);
        }

        // Where another member has read it, the next generation finds the state there.
        tried.Add(ProcessOf(member));
        if (report.Generation != state.Generation || forming is not null || stalled is not null || restoring?.Id != report.Checkpoint)
            return;
        formAgain ??= $"{report.Gpu} cannot read the checkpoint of step {report.Checkpoint.Step}";
        stirred = true;
    }
}
