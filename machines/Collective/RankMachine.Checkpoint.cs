namespace Coordinator.Machines;

/// <content>
/// Saving the rank's slice, and loading a state. A slice is copied when the step that was named is applied, and written beside the steps
/// that follow, across generations if need be. Nothing here is repeated by itself: the job asks again.
/// </content>
public sealed partial class RankMachine
{
    private CheckpointId? toSave;
    private CheckpointId? writing;
    private bool isSaveSpoilt;

    /// <summary>The plan under which a checkpoint is loaded.</summary>
    private RankPlan? loading;
    private CheckpointPartSaved? saved;
    private CheckpointUnreadable? unreadable;

    private void OnSaveOrdered(SaveCheckpoint order)
    {
        var id = order.Checkpoint;
        if (order.Job != Options.Job || order.Incarnation < incarnation || id.Generation > Generation || id == toSave || id == writing)
            return;
        if (saved?.Checkpoint == id)
            outputs.Add(new TellJob(saved with { Generation = Generation }));
        else if (id.Generation < Generation || plan is null || id.Timeline != timeline || phase is not (Phase.CatchingUp or Phase.Running) || Applied > id.Step || (Applied == id.Step && work.IsWriting))
            FailSave(id, $"the order came when step {Applied} was applied", isLate: true);
        else
        {
            toSave = id;
            if (phase == Phase.Running)
                SaveIfDue();
        }
    }

    /// <summary>The state is that of the step applied, and nothing writes it: if it is the one to save, it is copied now.</summary>
    private void SaveIfDue()
    {
        if (toSave is not { } id || id.Step != Applied)
            return;
        toSave = null;
        if (writing is not null)
        {
            FailSave(id, $"{writing} is still being written", isLate: false);
            return;
        }

        (writing, isSaveSpoilt) = (id, false);
        var start = SliceMap.Start(Options.StateBlocks, RankCount, rank);
        outputs.Add(new SaveState(id, rank, RankCount, start, SliceMap.Start(Options.StateBlocks, RankCount, rank + 1) - start));
    }

    private void OnStateSaved(StateSaved done)
    {
        if (writing != done.Checkpoint)
            return;
        writing = null;
        if (done.Part is null || isSaveSpoilt)
        {
            FailSave(done.Checkpoint, done.Failure ?? (isSaveSpoilt ? "the device failed while it was being written" : "it was not written"), isLate: false);
            return;
        }

        saved = new CheckpointPartSaved
        {
            Job = Options.Job,
            Generation = Generation,
            Gpu = Options.Gpu,
            Checkpoint = done.Checkpoint,
            Part = done.Part,
            SnapshotMs = done.SnapshotMs,
            WriteMs = done.WriteMs,
        };
        outputs.Add(new TellJob(saved));
    }

    private void FailSave(CheckpointId id, string detail, bool isLate) => outputs.Add(new TellJob(new CheckpointFailed
    {
        Job = Options.Job,
        Generation = Generation,
        Node = Options.Gpu.Node,
        Checkpoint = id,
        Detail = detail,
        Late = isLate,
    }));

    private void OnStateLoaded(StateLoaded done)
    {
        if (!IsStateWritten(done.Ticket))
            return;
        var checkpoint = loading!.Checkpoint!.Id;
        if (done.Failure is null || done.IsStateTouched)
            GiveUpState(loading);
        if (done.Failure is null)
            Applied = checkpoint.Step;
        else if (phase == Phase.CatchingUp || (phase == Phase.Promised && !done.IsGivenUp))
        {
            var report = new CheckpointUnreadable { Job = Options.Job, Generation = Generation, Gpu = Options.Gpu, Checkpoint = checkpoint, Detail = done.Failure };
            if (phase == Phase.CatchingUp)
            {
                unreadable = report;
                Repeat(all: true);
                return;
            }

            // Asked meanwhile, it says so once, before its answer: else the next plan might send it to the same checkpoint. Not of one whose
            // reading was only cut short for the answer: all ranks may be asked at once, on a machine where all storage is slow, and a
            // checkpoint that nobody has found bad would then be nobody's any more.
            outputs.Add(new TellJob(report));
        }

        if (answerOwed)
            Answer();
        else if (phase == Phase.CatchingUp && Applied == Target)
            Caught();
    }
}
