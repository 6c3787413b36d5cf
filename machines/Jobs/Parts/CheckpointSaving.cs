namespace Coordinator.Machines.Jobs.Parts;

/// <summary>
/// One checkpoint on its way: it is complete when every member of the generation that began it has written its part and one worker has
/// written the manifest, whoever trains by then.
/// </summary>
/// <param name="id">The checkpoint.</param>
/// <param name="members">Members whose parts it is made of.</param>
/// <param name="now">When it was begun.</param>
internal sealed class CheckpointSaving(CheckpointId id, IReadOnlyList<Member> members, TimeSpan now)
{
    private readonly HashSet<GpuId> gpus = [.. members.Select(member => member.Gpu)];
    private readonly SortedDictionary<GpuId, CheckpointPart> parts = [];

    /// <summary>The checkpoint.</summary>
    public CheckpointId Id => id;

    /// <summary>Members whose parts it is made of.</summary>
    public IReadOnlyList<Member> Members => members;

    /// <summary>Parts that are written, by gpu.</summary>
    public IReadOnlyCollection<CheckpointPart> Parts => parts.Values;

    /// <summary>When the job knew that the step was applied; null: it is still to come.</summary>
    public TimeSpan? ReachedAt { get; private set; }

    /// <summary>
    /// Whether the step is recorded. Before that the manifest is not asked for: who goes back to a checkpoint of a step whose record died
    /// with its workers leaves a gap.
    /// </summary>
    public bool IsRecorded { get; private set; }

    /// <summary>When what is missing is ordered next.</summary>
    public TimeSpan AskAt { get; set; } = now;

    /// <summary>Whether all parts are written, and the manifest is missing.</summary>
    public bool IsSealing => parts.Count == members.Count;

    /// <summary>The longest time that a member took to copy its part, in ms.</summary>
    public double SnapshotMs { get; private set; }

    /// <summary>The longest time that a member took to write its part, in ms.</summary>
    public double WriteMs { get; private set; }

    /// <summary>Parameters in the parts so far that are infinite or no number.</summary>
    public long Nonfinite { get; private set; }

    /// <summary>How often the manifest was asked for: each time of the next member's worker, since the last did not answer.</summary>
    public int Seals { get; set; }

    /// <summary>Nodes whose parts are missing.</summary>
    public IEnumerable<NodeId> MissingNodes =>
        members.Where(member => !parts.ContainsKey(member.Gpu)).Select(member => member.Gpu.Node).Distinct();

    /// <summary>A part was written. False where it is not one of this checkpoint's, or was known.</summary>
    public bool Add(CheckpointPartSaved report, TimeSpan at)
    {
        if (id != report.Checkpoint || !gpus.Contains(report.Gpu) || !parts.TryAdd(report.Gpu, report.Part))
            return false;
        ReachedAt ??= at;
        SnapshotMs = Math.Max(SnapshotMs, report.SnapshotMs);
        WriteMs = Math.Max(WriteMs, report.WriteMs);
        Nonfinite += report.Nonfinite;
        return true;
    }

    /// <summary>The step is recorded.</summary>
    public void NoteRecorded(TimeSpan at)
    {
        IsRecorded = true;
        ReachedAt ??= at;
    }

    /// <summary>
    /// Whether it can still become complete in the next generation: if all who have yet to write their part are there, and the step was
    /// reached before.
    /// </summary>
    public bool Survives(IReadOnlyList<Member> next)
    {
        var there = next.ToHashSet();
        return ReachedAt is not null && members.All(member => parts.ContainsKey(member.Gpu) || there.Contains(member));
    }
}
