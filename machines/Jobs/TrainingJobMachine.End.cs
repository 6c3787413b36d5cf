using Coordinator.Machines.Jobs.Parts;
using Coordinator.Machines.Jobs.Policies;

namespace Coordinator.Machines.Jobs;

/// <content>
/// How a job ends, and what may come after. More steps or ranks than were submitted: ranks learn a job's last step from their plans, so one
/// that trains forms a generation for it, and those that came to the end of an earlier plan, from which a silo that died has left no trace,
/// are given another. A finished job trains again: its ranks were let go with its final state, so it goes back to its newest checkpoint and
/// computes the steps since then once more.
/// </content>
public sealed partial class TrainingJobMachine
{
    private void OnRankFinished(RankFinished finished)
    {
        // One of an earlier generation may speak of the record of another timeline.
        if (context.IsOver || finished.Generation != State.Generation || context.MemberOf(finished.Gpu) is null
            || finished.Step > State.Spec.Training.Steps)
        {
            return;
        }
        if (finished.Step < State.Spec.Training.Steps)
        {
            GoOnBeyond(finished);
            return;
        }

        records.Note(State.Timeline, finished.RecordedThrough, State.Timeline);
        OnAdvanced(finished.Gpu, finished.Step);
        // Where no equal bits are promised the model is rank 0's, and that others end otherwise is no failure.
        if (completion.Add(finished.Gpu, finished.StateSha256, finished.Nonfinite) || NoPromise is not null)
        {
            FinishIfComplete();
            return;
        }

        context.Observe(EventKinds.Diverged, $"ranks ended with different states: {completion.Description}", step: finished.Step);
        Fail($"ranks ended with different states ({completion.Description}): a device computed wrongly; "
            + "run each node alone on the same job to find it");
    }

    private void OnModelStored(ModelStored stored)
    {
        if (context.IsOver || (stored.Step ?? State.Spec.Training.Steps) != State.Spec.Training.Steps)
            return;
        completion.Store(stored);
        FinishIfComplete();
    }

    private void FinishIfComplete()
    {
        var steps = State.Spec.Training.Steps;
        if (!round.IsOpen && records.Through >= steps && !FiniteNumbers.MayGoOn(State.Spec, completion.Nonfinite))
        {
            FailForState(steps, completion.Nonfinite);
            return;
        }

        if (completion.Model is not { } model || round.IsOpen || completion.Count < State.Members.Count || records.Through < steps)
            return;
        context.Observe(EventKinds.JobFinished, $"model sha256 {model.Sha256}", step: records.Through);
        End(State with
        {
            Phase = JobPhase.Finished,
            Reason = $"{steps} steps applied, model of {model.Bytes} bytes stored",
            ModelSha256 = model.Sha256,
            Recorded = records.Through,
            Before = null,
        });
    }

    private void FailForNumbers(StepRecord step) =>
        Fail(FiniteNumbers.Why(step, State.Spec, State.Checkpoints is [.., var newest] ? newest : null), FailureCause.Numbers);

    /// <summary>A state that was looked at, the final one or one that was to be saved, has numbers that are none.</summary>
    private void FailForState(long step, long nonfinite) =>
        Fail(
            FiniteNumbers.WhyOfState(step, nonfinite, State.Spec, State.Checkpoints is [.., var newest] ? newest : null),
            FailureCause.Numbers);

    private void Fail(string reason, string? cause = null)
    {
        var isCancelled = cause == FailureCause.Cancelled;
        context.Observe(EventKinds.JobFailed, reason, cause);
        End(State with { Phase = JobPhase.Failed, Reason = reason, Recorded = records.Through, Cancelled = isCancelled });
    }

    /// <summary>
    /// There is no state to go on from. A job that had finished before it was given more steps has lost nothing of that: it is what it was,
    /// with its model, and says why it did not get farther.
    /// </summary>
    private void FailForWantOfState(string reason)
    {
        if (State.Before is not { } before)
        {
            Fail(reason);
            return;
        }

        var text = $"{before.Reason}; it could not go on to {State.Spec.Training.Steps} steps: {reason}";
        records.Reset(before.Recorded);
        context.Observe(EventKinds.JobFinished, $"model sha256 {before.ModelSha256}, as before: {reason}", step: before.Recorded);
        End(State with
        {
            Phase = JobPhase.Finished,
            Reason = text,
            Spec = before.Extent.ApplyTo(State.Spec),
            ModelSha256 = before.ModelSha256,
            Recorded = before.Recorded,
            Before = null,
        });
    }

    /// <summary>
    /// Durable first (the event a moment earlier: it may be stored twice, but never be missing); then everybody goes home.
    /// </summary>
    private void End(TrainingJobState last)
    {
        context.Persist(last);
        checkpoints.Abandon();
        foreach (var member in State.Members)
            releases.Begin(member.Gpu, last.Reason);
        LetGo();
        ForgetGeneration();
        stalled = null;
        context.MarkDirty();
        offers.RequestNow();
    }

    private void OnExtended(ExtendJob wanted)
    {
        if (wanted.WorkersEnded && !context.IsOver && !State.HoldersEnded)
            context.Persist(State with { HoldersEnded = true });
        var before = State.Spec;
        var after = ExtensionPolicy.Apply(before, wanted);
        var failure = State.Phase == JobPhase.Failed ? State.Reason : null;
        if (after == before
            || ExtensionPolicy.WhyRefused(before, State.Phase == JobPhase.Finished, failure, State.Checkpoints.Count, wanted) is not null)
        {
            return;
        }
        var (steps, ranks) = (after.Training.Steps, after.Ranks);
        var isLonger = steps > before.Training.Steps;
        string?[] changes =
        [
            isLonger
                ? $"{before.Training.Steps} steps are {steps} now, and the learning rate falls to step {after.Optimizer.DecaySteps}"
                : null,
            ranks > before.Ranks ? $"{before.Ranks} ranks are {ranks} now" : null,
        ];
        context.Observe(
            EventKinds.JobExtended, string.Join("; ", changes.OfType<string>()), step: records.Through,
            numbers: new SortedDictionary<string, double> { ["steps"] = steps, ["ranks"] = ranks });
        var next = State with { Spec = after, Submitted = State.Submitted ?? JobExtent.Of(before), Recorded = records.Through };
        if (context.IsOver)
            Reopen(next, wanted);
        else
            context.Persist(next);
        offers.RequestNow();
        if (!isLonger)
            return;
        completion.Clear();
        if (State.Phase == JobPhase.Active && !round.IsOpen && stalled is null)
            FormForMoreSteps(RecoveryReason.MoreSteps);
    }

    /// <summary>A rank has come to the last step of a plan from before the job had more.</summary>
    private void GoOnBeyond(RankFinished finished)
    {
        if (!round.IsOpen)
            FormForMoreSteps($"{finished.Gpu} has come to step {finished.Step}, and the job has {State.Spec.Training.Steps} now");
    }

    private void FormForMoreSteps(string why)
    {
        recovery.NoteCause(RecoveryReason.MoreSteps);
        recovery.Ask(why);
        context.MarkDirty();
    }

    /// <summary>
    /// Whoever held the final state was ordered to forget it, and may not have heard it: those processes count as holders until they are
    /// proved gone or say that they hold nothing. Nothing of how the job ended counts any more.
    /// </summary>
    private void Reopen(TrainingJobState next, ExtendJob wanted)
    {
        var membership = State.Members.Count == 0
            ? context.Membership : context.Membership.Apply(State.Generation + 1, [.. State.Members.Select(member => member.Gpu)], []);
        context.Persist(next with
        {
            Phase = JobPhase.Waiting,
            Reason = $"waiting for {Counted.Of(next.Spec.Ranks, "gpu")}",
            Generation = membership.Generation,
            Hash = membership.Hash,
            Members = [],
            Newcomers = [],
            Planned = false,
            HeldByMembers = false,
            ParkedFor = null,
            Holders = search.HoldersNow,
            HoldersEnded = wanted.WorkersEnded,
            ModelSha256 = null,
            Before = State.ModelSha256 is { } earlier
                ? new FinishedBefore(JobExtent.Of(State.Spec), records.Through, earlier, State.Reason) : null,
            HandingOver = null,
        });
        search.NoteFound();
        if (State.Checkpoints.Count == 0)
            BeginAgain();
        departures.Clear();
        parking.Clear();
        recovery.NoteFormed();
        checkpoints.ForgetTraining();
        candidatesSince = null;
        submittedAt = Now;
    }

    /// <summary>The job ended before its first checkpoint: the seed is all that there is, and nobody is waited for.</summary>
    private void BeginAgain()
    {
        var undone = BeginTimeline(State.Timeline + 1, 0);
        context.Persist(State with { Started = false, Holders = [] });
        context.Observe(
            EventKinds.CheckpointRestored, $"no checkpoint was saved: begin again from the seed, {undone} steps are computed again",
            RecoveryReason.MoreSteps, step: 0,
            numbers: new SortedDictionary<string, double> { ["undone"] = undone, ["bytes"] = 0 });
    }
}
