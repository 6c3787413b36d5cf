namespace Coordinator.Machines.Jobs;

/// <content>
/// More steps or ranks than were submitted. Ranks learn a job's last step from their plans, so one that trains forms a generation for it, and
/// those that came to the end of an earlier plan, from which a silo that died has left no trace, are given another. A finished job trains
/// again: its ranks were let go with its final state, so it goes back to its newest checkpoint and computes the steps since then once more.
/// </content>
public sealed partial class TrainingJobMachine
{
    private const string MoreSteps = "more steps";

    private void OnExtended(ExtendJob wanted)
    {
        if (wanted.WorkersEnded && !IsOver && !state!.HoldersEnded)
            Persist(state with { HoldersEnded = true });
        var before = state!.Spec;
        var after = ExtensionPolicy.Apply(before, wanted);
        if (after == before || ExtensionPolicy.WhyRefused(before, state.Phase == JobPhase.Finished, state.Phase == JobPhase.Failed ? state.Reason : null, state.Checkpoints.Count, wanted) is not null)
            return;
        var isLonger = after.Training.Steps > before.Training.Steps;
        string?[] changes =
        [
            isLonger ? $"{before.Training.Steps} steps are {after.Training.Steps} now, and the learning rate falls to step {after.Optimizer.DecaySteps}" : null,
            after.Ranks > before.Ranks ? $"{before.Ranks} ranks are {after.Ranks} now" : null,
        ];
        Observe(EventKinds.JobExtended, string.Join("; ", changes.OfType<string>()), step: recorded, numbers: new SortedDictionary<string, double> { ["steps"] = after.Training.Steps, ["ranks"] = after.Ranks });
        var next = state with { Spec = after, Submitted = state.Submitted ?? JobExtent.Of(before), Recorded = recorded };
        if (IsOver)
            Reopen(next, wanted);
        else
            Persist(next);
        requestAt = now;
        if (!isLonger)
            return;
        finishedHashes.Clear();
        model = null;
        if (state.Phase == JobPhase.Active && forming is null && stalled is null)
            FormForMoreSteps(MoreSteps);
    }

    /// <summary>A rank has come to the last step of a plan from before the job had more.</summary>
    private void GoOnBeyond(RankFinished finished)
    {
        if (forming is null)
            FormForMoreSteps($"{finished.Gpu} has come to step {finished.Step}, and the job has {state!.Spec.Training.Steps} now");
    }

    private void FormForMoreSteps(string why)
    {
        recoveryCause ??= MoreSteps;
        formAgain ??= why;
        stirred = true;
    }

    /// <summary>
    /// Whoever held the final state was told to forget it, and may not have heard it: those processes count as holders until they are proved
    /// gone or say that they hold nothing. Nothing of how the job ended counts any more.
    /// </summary>
    private void Reopen(TrainingJobState next, ExtendJob wanted)
    {
        var membership = state!.Members.Count == 0 ? CurrentMembership : CurrentMembership.Apply(state.Generation + 1, [.. state.Members.Select(member => member.Gpu)], []);
        Persist(next with
        {
            Phase = JobPhase.Waiting,
            Reason = $"waiting for {next.Spec.Ranks} gpus",
            Generation = membership.Generation,
            Hash = membership.Hash,
            Members = [],
            Newcomers = [],
            Planned = false,
            HeldByMembers = false,
            ParkedFor = null,
            Holders = HoldersNow,
            HoldersEnded = wanted.WorkersEnded,
            ModelSha256 = null,
            Before = state.ModelSha256 is { } earlier ? new FinishedBefore(JobExtent.Of(state.Spec), recorded, earlier, state.Reason) : null,
        });
        StateIsFound();
        if (state.Checkpoints.Count == 0)
            BeginAgain();
        leaving.Clear();
        givingBack.Clear();
        (parkedFor, wasParked, formAgain, candidatesSince, trainingSince) = (null, false, null, null, null);
        submittedAt = now;
    }

    /// <summary>
    /// There is no state to go on from. A job that had finished before it was given more steps has lost nothing of that: it is what it was,
    /// with its model, and says why it did not get farther.
    /// </summary>
    private void FailForWantOfState(string reason)
    {
        if (state!.Before is not { } before)
        {
            Fail(reason);
            return;
        }

        var text = $"{before.Reason}; it could not go on to {state.Spec.Training.Steps} steps: {reason}";
        recorded = before.Recorded;
        Observe(EventKinds.JobFinished, $"model sha256 {before.ModelSha256}, as before: {reason}", step: recorded);
        End(state with { Phase = JobPhase.Finished, Reason = text, Spec = before.Extent.ApplyTo(state.Spec), ModelSha256 = before.ModelSha256, Recorded = recorded, Before = null });
    }

    /// <summary>The job ended before its first checkpoint: the seed is all that there is, and nobody is waited for.</summary>
    private void BeginAgain()
    {
        var undone = BeginTimeline(state!.Timeline + 1, 0);
        Persist(state with { Started = false, Holders = [] });
        Observe(EventKinds.CheckpointRestored, $"no checkpoint was saved: begin again from the seed, {undone} steps are computed again", MoreSteps, step: 0,
            numbers: new SortedDictionary<string, double> { ["undone"] = undone, ["bytes"] = 0 });
    }
}
