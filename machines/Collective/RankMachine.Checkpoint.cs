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
    private CheckpointRef? loading;
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

    private void OnStateLoaded(long ticket, string? failure)
    {
        if (!IsStateWritten(ticket))
            return;
        if (failure is null)
            Applied = loading!.Id.Step;
        else if (phase == Phase.CatchingUp && plan?.Checkpoint is { } checkpoint)
        {
            unreadable = new CheckpointUnreadable { Job = Options.Job, Generation = Generation, Gpu = Options.Gpu, Checkpoint = checkpoint.Id, Detail = failure };
            Repeat(all: true);
            return;
        }

        if (answerOwed)
            Answer();
        else if (phase == Phase.CatchingUp && Applied == Target)
            Caught();
    }
}
