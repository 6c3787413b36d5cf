using Coordinator.Machines.Jobs.Policies;

namespace Coordinator.Machines.Jobs.Parts;

/// <summary>
/// Where no member holds the latest state: which other one the job goes on from, and when. It goes on from it on a new timeline, so that no
/// member mixes it with what it has itself. Nothing is given up for it before it is there: members keep what they hold until a checkpoint
/// has been verified or the first block of a donor's state has come, and what a worker beside them holds counts again when that worker
/// comes back before the job has got farther. The job fails for want of state only where no worker has any and no checkpoint can be read.
/// </summary>
internal sealed class StateSearch(JobContext context, NodeLinks links, StepRecords records)
{
    /// <summary>
    /// Processes that could not read a checkpoint. A checkpoint is lost only where that goes for every member: another worker may have the
    /// folder that this one lacks. After a pause all are tried again, since a file system may have been away.
    /// </summary>
    private readonly SortedDictionary<CheckpointId, HashSet<WorkerProcess>> unreadable = [];

    /// <summary>Ranks that hold a state which is not the latest, by the process that said so: it has no other to wait for.</summary>
    private readonly SortedDictionary<GpuId, EarlierState> behind = [];

    /// <summary>Ranks that have said that they hold no state, with the processes that said so.</summary>
    private readonly SortedDictionary<GpuId, long> stateless = [];

    private TimeSpan? lostAt;

    /// <summary>Step of the furthest state that a member held when the job found none to go on from; 0: none.</summary>
    private long keptStep;
    private TimeSpan? lookAgainAt;
    private int looks;

    /// <summary>
    /// Whether none of the job's checkpoints could be read, and a pause has not mended it. Then those that it had removed are tried as
    /// well: a copy that was put back may have them. Never before, or a file system that is away for a moment would cost steps that a
    /// worker's own old folder still has.
    /// </summary>
    private bool triesRemoved;
    private bool isHeldBack;

    private readonly record struct EarlierState(long Boot, long Step);

    /// <summary>The checkpoint that the job went back to last; null: it went back to the seed, or to none.</summary>
    public CheckpointRef? Restoring { get; set; }

    /// <summary>Whether nobody was found who has the latest state.</summary>
    public bool IsLost => lostAt is not null;

    /// <summary>When the job fails for want of state; null: never, or it is not lost.</summary>
    public TimeSpan? Deadline =>
        context.State.Started && context.State.Spec.FaultTolerance.StateTimeout > TimeSpan.Zero && lostAt is { } lost
        ? lost + context.State.Spec.FaultTolerance.StateTimeout
        : null;

    /// <summary>Whether the job has waited for a state as long as it may, and has none to go back to.</summary>
    public bool IsHopeless => Deadline is { } deadline && context.Now >= deadline && NewestReadable is null && keptStep == 0;

    /// <summary>
    /// The newest checkpoint that is not known to be unreadable for every member: of the job's own, or at last of those that it removed.
    /// </summary>
    public CheckpointRef? NewestReadable => Newest(context.State.Checkpoints) ?? (triesRemoved ? Newest(context.State.Removed) : null);

    /// <summary>
    /// When the job stops waiting for a worker that may have the latest state; null: there is nothing to go back to. A state that is kept
    /// counts as much as a checkpoint where either there is one, or nobody is left who may have a later state; else it is the last resort
    /// before the job would fail.
    /// </summary>
    public TimeSpan? RestoreDue
    {
        get
        {
            if (lostAt is not { } lost)
                return null;
            var after = lost + context.State.Spec.Checkpoint.RestoreAfter;
            if (Deadline is { } deadline && deadline < after)
                after = deadline;
            if (NewestReadable is not null)
                return AreHoldersGone ? lost : after;
            if (keptStep > 0)
                return AreHoldersGone ? lost : Deadline ?? after;
            return AreHoldersGone && IsSeedTheOnlyState ? lost : lookAgainAt;
        }
    }

    /// <summary>
    /// The processes that may hold the state: the members', once all of them have it. Before that some of them may have got it already,
    /// from those that had it before.
    /// </summary>
    public IReadOnlyList<WorkerProcess> HoldersNow
    {
        get
        {
            var state = context.State;
            var members = state.Members.Select(ProcessOf);
            if (state.Planned)
                return [.. members.Distinct()];
            var left = state.Holders.Concat(members).Where(holder => !IsGone(holder)).Distinct().ToArray();

            // None left is not the same as none known: those that are gone stay on the list as the proof of it.
            return left.Length > 0 ? left : state.Holders;
        }
    }

    /// <summary>
    /// The job saves checkpoints and has not come to its first one: the seed is all that there is to go back to. Where checkpoints were
    /// saved and cannot be read, or were not wanted, a person decides: beginning again would silently spend all that was spent before.
    /// </summary>
    private bool IsSeedTheOnlyState => context.State.Checkpoints.Count == 0 && !CheckpointInterval.Of(context.State.Spec.Checkpoint).IsOff;

    /// <summary>
    /// Every process that held the state is proved gone by a newer one of its node. A process that is merely out of reach may come back
    /// with later steps than the checkpoint has, so it is waited for.
    /// </summary>
    private bool AreHoldersGone => context.State.HoldersEnded || (context.State.Holders.Count > 0 && context.State.Holders.All(IsGone));

    /// <summary>A member has answered: it has a state, or none.</summary>
    public void NoteAnswer(RankState answer)
    {
        if (answer.HasState)
            stateless.Remove(answer.Gpu);
        else
            stateless[answer.Gpu] = answer.Boot;
    }

    /// <summary>A plan is made: what members held before it says nothing of the next one.</summary>
    public void ForgetAnswers()
    {
        stateless.Clear();
        behind.Clear();
    }

    /// <summary>Nobody is left who has the state.</summary>
    public void NoteLost() => lostAt ??= context.Now;

    /// <summary>The job does not give up, though its time is up: it may not look everywhere. True where that was not said yet.</summary>
    public bool NoteHeldBack()
    {
        var isNews = !isHeldBack;
        isHeldBack = true;
        return isNews;
    }

    /// <summary>The job may look everywhere again, and waits for the state as long as ever. False where it was not held back.</summary>
    public bool EndHeldBack()
    {
        if (!isHeldBack)
            return false;
        (isHeldBack, lostAt) = (false, context.Now);
        return true;
    }

    /// <summary>The latest state is found again, or does not matter any more.</summary>
    public void NoteFound()
    {
        lostAt = null;
        lookAgainAt = null;
        (keptStep, looks, triesRemoved, isHeldBack) = (0, 0, false, false);
    }

    /// <summary>All have answered: what they go on from.</summary>
    public StateChoice Choose(IReadOnlyList<RankState> answers)
    {
        var choice = Choose(answers, mayGoBack: false);
        if (choice.Source != StateSource.Nowhere)
            return choice;
        NoteLost();
        keptStep = StateChoice.Furthest(answers)?.Step ?? 0;
        foreach (var answer in answers.Where(answer => answer.HasState))
            behind[answer.Gpu] = new EarlierState(answer.Boot, RecoveryPlanner.Reach(answer));
        if (RestoreDue is not { } due || context.Now < due)
        {
            LookAgainLater();
            return choice;
        }

        if (context.Now >= lookAgainAt)
        {
            unreadable.Clear();
            lookAgainAt = null;
            triesRemoved = true;
        }

        return Choose(answers, mayGoBack: true);
    }

    /// <summary>Why the job waits and for what, for people, where nothing could be chosen.</summary>
    public string WhatIsMissing()
    {
        var state = context.State;
        var timeout = state.Spec.FaultTolerance.StateTimeout;
        return $"no worker holds the state of step {records.Through} or later; waiting for one that does"
            + (NewestReadable is not null && RestoreDue is { } due
                ? $"; back to the checkpoint of step {NewestReadable.Id.Step} in {SecondsTo(due)} s (checkpoint.restore_after)"
            : keptStep > 0 && RestoreDue is { } then ? $"; back to the state of step {keptStep} that a worker holds in {SecondsTo(then)} s"
            : state.Checkpoints.Count > 0 ? "; none of its checkpoints can be read" : "")
            + (NewestReadable is null && keptStep == 0 && timeout > TimeSpan.Zero
                ? $", at most {timeout.TotalSeconds:0} s (fault_tolerance.state_timeout)" : "");

        string SecondsTo(TimeSpan time) => $"{JobPace.Later(TimeSpan.Zero, time - context.Now).TotalSeconds:0}";
    }

    /// <summary>
    /// Whether the job may be better off with the process than with its members, while it waits for the latest state: one that has not said
    /// what it holds may have that; one that has must be ahead of all of them, or two with earlier states would take each other's place for
    /// ever.
    /// </summary>
    public bool MayRescue(GpuOffer offer)
    {
        if (stateless.TryGetValue(offer.Gpu, out var boot) && boot == offer.Session.Boot)
            return false;
        return StepBehind(offer.Gpu, offer.Session.Boot) is not { } step || step > (context.State.Members.Max(StepBehind) ?? -1);
    }

    /// <summary>The step of the earlier state that a member has said it holds; null: it has said no such thing.</summary>
    public long? StepBehind(Member member) => StepBehind(member.Gpu, member.Boot);

    /// <summary>Whether the job may have asked for a checkpoint: it is complete, or was before it was removed.</summary>
    public bool Knows(CheckpointId checkpoint) =>
        context.State.Checkpoints.Concat(context.State.Removed ?? []).Any(known => known.Id == checkpoint);

    /// <summary>A member could not read a checkpoint. True where it is the first to say so.</summary>
    public bool AddUnreadable(CheckpointId checkpoint, Member member)
    {
        var isFirst = !unreadable.TryGetValue(checkpoint, out var tried);
        if (isFirst)
            unreadable.Add(checkpoint, tried = []);

        // Where another member has read it, the next generation finds the state there.
        tried!.Add(ProcessOf(member));
        return isFirst;
    }

    /// <summary>Whether a process has not failed to read a checkpoint.</summary>
    public bool MayRead(CheckpointId checkpoint, WorkerProcess process) =>
        !(unreadable.TryGetValue(checkpoint, out var tried) && tried.Contains(process));

    private static WorkerProcess ProcessOf(Member member) => new(member.Gpu.Node, member.Boot);

    private long? StepBehind(GpuId gpu, long boot) => behind.TryGetValue(gpu, out var known) && known.Boot == boot ? known.Step : null;

    private StateChoice Choose(IReadOnlyList<RankState> answers, bool mayGoBack) =>
        StateChoice.Of(answers, context.State.Timeline, records.Through, NewestReadable?.Id.Step, mayGoBack,
            AreHoldersGone && IsSeedTheOnlyState);

    private CheckpointRef? Newest(IReadOnlyList<CheckpointRef>? checkpoints) =>
        checkpoints?.Where(MayBeReadable).MaxBy(checkpoint => (checkpoint.Id.Step, checkpoint.Id));

    /// <summary>Whether some member has not failed to read it; without members, those that come may be others.</summary>
    private bool MayBeReadable(CheckpointRef checkpoint) => !unreadable.TryGetValue(checkpoint.Id, out var tried)
        || context.State.Members.Count == 0 || context.State.Members.Any(member => !tried.Contains(ProcessOf(member)));

    /// <summary>
    /// Whether the process is known to hold nothing to wait for: a newer one of its node runs, or its ranks are members and have all
    /// answered that they have no state, or which one.
    /// </summary>
    private bool IsGone(WorkerProcess holder)
    {
        if (links.IsReplaced(holder.Node, holder.Boot))
            return true;
        var isMember = false;
        foreach (var member in context.MembersOn(holder.Node).Where(member => member.Boot == holder.Boot))
        {
            isMember = true;
            if (!(stateless.TryGetValue(member.Gpu, out var boot) && boot == holder.Boot) && StepBehind(member) is null)
                return false;
        }

        return isMember;
    }

    /// <summary>
    /// There are checkpoints, and nobody can read one: they are tried again after twice as long each time, and once more before the job
    /// gives up.
    /// </summary>
    private void LookAgainLater()
    {
        if (lookAgainAt is not null || unreadable.Count == 0 || NewestReadable is not null || context.Now >= Deadline)
            return;
        var pause = JobPace.Later(TimeSpan.FromSeconds(1), context.State.Spec.Checkpoint.RestoreAfter) * (1 << Math.Min(looks++, 10));
        lookAgainAt = Deadline is { } deadline && deadline < context.Now + pause ? deadline : context.Now + pause;
    }
}
