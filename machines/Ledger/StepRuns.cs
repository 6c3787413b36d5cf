namespace Coordinator.Machines.Ledger;

/// <summary>A job's steps as runs, and which of them were undone.</summary>
internal sealed class StepRuns
{
    private readonly SortedDictionary<(long Generation, int Timeline), StepRun> runs = [];
    private readonly SortedDictionary<int, long> undoneFrom = [];

    /// <summary>Runs in their order.</summary>
    public IReadOnlyCollection<StepRun> All => runs.Values;

    /// <summary>A step, in the order of recording.</summary>
    public void Add(HistoryStep step)
    {
        var key = (step.Step.Generation, step.Timeline);
        if (!runs.TryGetValue(key, out var run))
            runs[key] = run = new StepRun(step.Timeline, step.Step.Generation, step.Step.Step);
        run.Add(step.At, step.Step.Milliseconds);
        Undo(step.Timeline, step.Step.Step);
    }

    /// <summary>An event: the job goes back, say.</summary>
    public void Add(CoordinatorEvent happened)
    {
        if (happened is { Kind: EventKinds.CheckpointRestored or EventKinds.StateRegained, Timeline: { } timeline, Step: { } step })
            Undo(timeline, step + 1);
    }

    /// <summary>The first step of a timeline that is computed on a later one too; none: <see cref="long.MaxValue"/>.</summary>
    public long FirstUndone(int timeline) =>
        undoneFrom.Where(later => later.Key > timeline).Select(later => later.Value).DefaultIfEmpty(long.MaxValue).Min();

    /// <summary>How many steps of a run were undone.</summary>
    public long Undone(StepRun run) => Math.Clamp(run.LastStep + 1 - FirstUndone(run.Timeline), 0, run.Count);

    /// <summary>Steps of a timeline from this one on take the place of those of the timelines before it.</summary>
    private void Undo(int timeline, long step)
    {
        if (!undoneFrom.TryGetValue(timeline, out var first) || step < first)
            undoneFrom[timeline] = step;
    }
}
