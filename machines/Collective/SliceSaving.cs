namespace Coordinator.Machines;

/// <summary>
/// Saving the rank's slice. It is copied when the step that was named is applied, and written beside the steps that follow, across
/// generations if need be; one is written at a time. Nothing here is repeated by itself: the job asks again.
/// </summary>
internal sealed class SliceSaving(RankContext context)
{
    private CheckpointId? ordered;
    private CheckpointId? writing;
    private CheckpointPartSaved? saved;

    /// <summary>The device failed while the slice was written, so what is written may be wrong.</summary>
    private bool isSpoilt;

    /// <summary>Whether a checkpoint is ordered already, or being written.</summary>
    public bool IsUnderWay(CheckpointId id) => id == ordered || id == writing;

    /// <summary>Says again that a checkpoint's part is written. False where it is not.</summary>
    public bool RepeatSaved(CheckpointId id)
    {
        if (saved?.Checkpoint != id)
            return false;
        context.Tell(saved with { Generation = context.Generation });
        return true;
    }

    /// <summary>The job wants the slice of a step that is still to be applied, or was applied last.</summary>
    public void Order(CheckpointId id) => ordered = id;

    /// <summary>The state is that of the step applied, and nothing writes it: if it is the one to save, it is copied now.</summary>
    public void SaveIfDue(long applied)
    {
        if (ordered is not { } id || id.Step != applied)
            return;
        ordered = null;
        if (writing is not null)
        {
            Fail(id, $"{writing} is still being written", isLate: false);
            return;
        }

        (writing, isSpoilt) = (id, false);
        var (blocks, ranks, rank) = (context.Options.StateBlocks, context.RankCount, context.Rank);
        var start = SliceMap.Start(blocks, ranks, rank);
        context.Do(new SaveState(id, rank, ranks, start, SliceMap.Start(blocks, ranks, rank + 1) - start));
    }

    /// <summary>The slice is written, or could not be.</summary>
    public void OnSaved(StateSaved done)
    {
        if (writing != done.Checkpoint)
            return;
        writing = null;
        if (done.Part is null || isSpoilt)
        {
            Fail(done.Checkpoint, done.Failure ?? (isSpoilt ? "the device failed while it was being written" : "it was not written"),
                isLate: false);
            return;
        }

        saved = new CheckpointPartSaved
        {
            Job = context.Options.Job,
            Generation = context.Generation,
            Gpu = context.Options.Gpu,
            Checkpoint = done.Checkpoint,
            Part = done.Part,
            SnapshotMs = done.SnapshotMs,
            WriteMs = done.WriteMs,
            Nonfinite = done.Nonfinite,
        };
        context.Tell(saved);
    }

    /// <summary>Says that a checkpoint's part was not saved.</summary>
    public void Fail(CheckpointId id, string detail, bool isLate) => context.Tell(new CheckpointFailed
    {
        Job = context.Options.Job,
        Generation = context.Generation,
        Node = context.Options.Gpu.Node,
        Checkpoint = id,
        Detail = detail,
        Late = isLate,
    });

    /// <summary>The device failed.</summary>
    public void Spoil() => isSpoilt = writing is not null;

    /// <summary>The generation is over: what it was to save and has not begun to write is the next one's to order.</summary>
    public void ForgetOrder() => ordered = null;
}
