namespace Coordinator.Machines.Jobs.Policies;

/// <summary>Which complete checkpoints stay.</summary>
public static class CheckpointRetention
{
    /// <summary>So many of those that were removed are remembered.</summary>
    public const int MostRemembered = 16;

    /// <summary>
    /// The newest <see cref="CheckpointSpec.KeepLatest"/>, and those of every <see cref="CheckpointSpec.KeepEvery"/>th step. A step that
    /// was saved again on a later timeline holds the same bits: of the two the later stays.
    /// </summary>
    /// <param name="checkpoints">Oldest first.</param>
    /// <param name="spec">What the job asks for.</param>
    /// <returns>Those that stay, oldest first.</returns>
    public static IReadOnlyList<CheckpointRef> Keep(IEnumerable<CheckpointRef> checkpoints, CheckpointSpec spec)
    {
        CheckpointRef[] all = [.. checkpoints.GroupBy(checkpoint => checkpoint.Id.Step)
            .Select(same => same.MaxBy(checkpoint => checkpoint.Id)!).OrderBy(checkpoint => checkpoint.Id)];
        return [.. all.Where(
            (checkpoint, i) => i >= all.Length - spec.KeepLatest || (spec.KeepEvery > 0 && checkpoint.Id.Step % spec.KeepEvery == 0))];
    }

    /// <summary>Those that are remembered after some were removed.</summary>
    /// <param name="remembered">Those before, oldest first; null: none.</param>
    /// <param name="before">Complete checkpoints until now, oldest first.</param>
    /// <param name="kept">Those of them that stay.</param>
    /// <returns>The last ones that were removed, oldest first; null: none were.</returns>
    public static IReadOnlyList<CheckpointRef>? Remember(
        IReadOnlyList<CheckpointRef>? remembered, IReadOnlyList<CheckpointRef> before, IReadOnlyList<CheckpointRef> kept)
    {
        CheckpointRef[] all = [.. remembered ?? [], .. before.Except(kept)];
        return all.Length == 0 ? null : all[Math.Max(0, all.Length - MostRemembered)..];
    }
}
