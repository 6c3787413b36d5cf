namespace Coordinator.Machines.Jobs;

/// <content>How a job ends, and what wakes it.</content>
public sealed partial class TrainingJobMachine
{
    private readonly SortedDictionary<GpuId, string> finishedHashes = [];
    private ModelStored? model;

    private void OnRankFinished(RankFinished finished)
    {
        // One of an earlier generation may speak of the record of another timeline.
        if (IsOver || finished.Generation != state!.Generation || MemberOf(finished.Gpu) is null || finished.Step > state.Spec.Training.Steps)
            return;
        if (finished.Step < state.Spec.Training.Steps)
        {
            GoOnBeyond(finished);
            return;
        }

        NoteRecorded(state.Timeline, finished.RecordedThrough);
        OnAdvanced(finished.Gpu, finished.Step);
        finishedHashes[finished.Gpu] = finished.StateSha256;
        if (finishedHashes.Values.First() != finished.StateSha256)
        {
            var hashes = string.Join(", ", finishedHashes.Select(pair => $"{pair.Key} {pair.Value[..12]}"));
            Observe(EventKinds.Diverged, $"ranks ended with different states: {hashes}", step: finished.Step);
            Fail($"ranks ended with different states ({hashes}): a device computed wrongly; run each node alone on the same job to find it");
            return;
        }

        FinishIfComplete();
    }

    private void OnModelStored(ModelStored stored)
    {
        if (IsOver || (stored.Step ?? state!.Spec.Training.Steps) != state!.Spec.Training.Steps)
            return;
        model = stored;
        FinishIfComplete();
    }

    private void FinishIfComplete()
    {
        if (model is null || forming is not null || finishedHashes.Count < state!.Members.Count || recorded < state.Spec.Training.Steps)
            return;
        Observe(EventKinds.JobFinished, $"model sha256 {model.Sha256}", step: recorded);
        End(state with { Phase = JobPhase.Finished, Reason = $"{state.Spec.Training.Steps} steps applied, model of {model.Bytes} bytes stored", ModelSha256 = model.Sha256, Recorded = recorded, Before = null });
    }

    private void Fail(string reason)
    {
        Observe(EventKinds.JobFailed, reason);
        End(state! with { Phase = JobPhase.Failed, Reason = reason, Recorded = recorded });
    }

    /// <summary>Durable first (the event a moment earlier: it may be stored twice, but never be missing); then everybody goes home.</summary>
    private void End(TrainingJobState last)
    {
        Persist(last);
        saving = null;
        foreach (var member in state!.Members)
            BeginRelease(member.Gpu, last.Reason);
        LetGo();
        ForgetGenerationState();
        stalled = null;
        stirred = true;
        requestAt = now;
    }

    /// <summary>Fails the job once its state was out of reach for as long as it may be, and there is none to go back to.</summary>
    private void CheckStateTimeout()
    {
        if (StateDeadline is { } deadline && now >= deadline && NewestReadable is null && keptStep == 0)
            FailForWantOfState($"no worker with the state of step {recorded} or later came back within {state!.Spec.FaultTolerance.StateTimeout.TotalSeconds:0} s (fault_tolerance.state_timeout){(state.Checkpoints.Count > 0 ? $", and none of its {state.Checkpoints.Count} checkpoints can be read" : "")}");
    }

    private TimeSpan? StateDeadline => state is { Started: true } && state.Spec.FaultTolerance.StateTimeout > TimeSpan.Zero && stateLostAt is { } lost
        ? lost + state.Spec.FaultTolerance.StateTimeout
        : null;

    /// <summary>The earliest time at which <see cref="Decide"/> or <see cref="RepeatRequests"/> would do something by itself.</summary>
    private TimeSpan? FindNextDeadline()
    {
        var next = requestAt;
        Consider(NextRelease, andPast: true);
        if (IsOver)
            return next;
        if (state!.Phase == JobPhase.Waiting)
        {
            Consider(submittedAt + state.Spec.FaultTolerance.StartTimeout);
            Consider(StateDeadline);
        }

        if (candidatesSince is { } since)
            Consider(since + JoinGather);
        foreach (var exclusion in exclusions.Values)
        {
            Consider(exclusion.Until);
            Consider(exclusion.At + LongestPause);
        }

        foreach (var left in aside.Values)
            Consider(left.Until);
        Consider(NextSaveDeadline);
        if (state.Phase == JobPhase.Active)
        {
            Consider(hardEvidenceAt + DecisionPause);
            Consider(softEvidenceAt + state.Spec.FaultTolerance.GatherDelay);
            if (stalled is not null)
            {
                Consider(StateDeadline);
                Consider(RestoreDue);
            }
            else if (forming is not null || IsResuming)
                Consider(askAt);
            Consider(NextAside);
            foreach (var (member, link) in WithLinks())
                Consider(TimeoutOf(member, link), andPast: true);
        }

        return next;

        void Consider(TimeSpan? at, bool andPast = false)
        {
            if (at is { } time && (andPast || time > now) && (next is null || time < next))
                next = time;
        }
    }
}
