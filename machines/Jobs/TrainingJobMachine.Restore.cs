namespace Coordinator.Machines.Jobs;

/// <content>
/// Going back: where no member holds the state, the newest checkpoint that can be read is the state, on a new timeline, so that whatever
/// is left of the old one anywhere counts for nothing.
/// </content>
public sealed partial class TrainingJobMachine
{
    private readonly SortedSet<CheckpointId> unreadable = [];
    private CheckpointRef? restoring;

    /// <summary>The newest checkpoint that is not known to be damaged.</summary>
    private CheckpointRef? NewestReadable => state!.Checkpoints.LastOrDefault(checkpoint => !unreadable.Contains(checkpoint.Id));

    /// <summary>When the job stops waiting for a worker that may have the state; null: there is nothing to go back to.</summary>
    private TimeSpan? RestoreDue => stateLostAt is not { } lost ? null
        : AreHoldersGone && (NewestReadable is not null || IsSeedTheOnlyState) ? lost
        : NewestReadable is not null ? lost + state!.Spec.Checkpoint.RestoreAfter
        : null;

    /// <summary>
    /// The job saves checkpoints and has not come to its first one: the seed is all that there is to go back to. Where checkpoints were saved
    /// and cannot be read, or were not wanted, a person decides: beginning again would silently spend all that was spent before.
    /// </summary>
    private bool IsSeedTheOnlyState => state!.Checkpoints.Count == 0 && !Interval.IsOff;

    /// <summary>
    /// Every process that held the state is proved gone by a newer one of its node. A process that is merely out of reach may come back
    /// with later steps than the checkpoint has, so it is waited for.
    /// </summary>
    private bool AreHoldersGone => state!.Holders.Count > 0 && state.Holders.All(IsGone);

    /// <summary>Whether the process is known to hold nothing: a newer one of its node runs, or its ranks are members and have all answered that they have no state.</summary>
    private bool IsGone(WorkerProcess holder)
    {
        if (links.TryGetValue(holder.Node, out var link) && link.Session.Boot > holder.Boot)
            return true;
        var isMember = false;
        foreach (var member in MembersOn(holder.Node).Where(member => member.Boot == holder.Boot))
        {
            isMember = true;
            if (!stateless.TryGetValue(member.Gpu, out var boot) || boot != holder.Boot)
                return false;
        }

        return isMember;
    }

    /// <summary>
    /// The processes that may hold the state: the members', once all of them have it. Before that some of them may have got it already,
    /// from those that had it before.
    /// </summary>
    private IReadOnlyList<WorkerProcess> HoldersNow
    {
        get
        {
            var members = state!.Members.Select(member => new WorkerProcess(member.Gpu.Node, member.Boot));
            if (state.Planned)
                return [.. members.Distinct()];
            var left = state.Holders.Concat(members).Where(holder => !IsGone(holder)).Distinct().ToArray();

            // None left is not the same as none known: those that are gone stay on the list as the proof of it.
            return left.Length > 0 ? left : state.Holders;
        }
    }

    /// <summary>Nobody holds the state: goes back to a checkpoint, if it is time to.</summary>
    private RecoveryDecision? Restore(IReadOnlyList<RankState> answers)
    {
        stateLostAt ??= now;
        if (restoring is { } tried && unreadable.Contains(tried.Id))
            restoring = null;
        if (RestoreDue is not { } due || now < due)
            return null;
        restoring = NewestReadable;
        var step = restoring?.Id.Step ?? 0;

        // What is recorded may be more than this activation has heard of, and then the number is too small; the record itself has it all.
        var undone = Math.Max(0, recorded - step);
        recorded = step;
        Persist(state! with { Timeline = state.Timeline + 1, Recorded = recorded });
        saving = null;
        var to = restoring is null ? "no checkpoint was saved yet: begin again from the seed" : $"back to the checkpoint of step {step}";
        Observe(EventKinds.CheckpointRestored, $"no worker holds the state; {to}, {undone} steps are computed again", recoveryCause, step: step,
            numbers: new SortedDictionary<string, double> { ["undone"] = undone, ["bytes"] = restoring?.Bytes ?? 0 });
        return RecoveryPlanner.Restore(answers, state.Spec.Training.Shards, state.Spec.Training.Steps, step);
    }

    private void OnUnreadable(CheckpointUnreadable report)
    {
        if (report.Generation != state!.Generation || MemberOf(report.Gpu) is null || restoring?.Id != report.Checkpoint)
            return;

        // Where another member has read it, the next generation finds the state there, and this is forgotten with the activation.
        if (unreadable.Add(report.Checkpoint))
            Observe(EventKinds.CheckpointUnreadable, $"{report.Gpu} cannot read the checkpoint of step {report.Checkpoint.Step}: {report.Detail}", gpu: report.Gpu, node: report.Gpu.Node, step: report.Checkpoint.Step);
        formAgain ??= $"{report.Gpu} cannot read the checkpoint of step {report.Checkpoint.Step}";
        stirred = true;
    }
}
