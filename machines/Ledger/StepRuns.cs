namespace Coordinator.Machines.Ledger;

/// <summary>
/// A job's steps as runs, and which of them were undone. A timeline begins behind a step of another one, which need not be the one before
/// it: a worker may come back with the state of an earlier one. So what counts is what the newest timeline descends from.
/// </summary>
internal sealed class StepRuns
{
    private readonly SortedDictionary<(long Generation, int Timeline), StepRun> runs = [];

    /// <summary>How each timeline began, by the events that tell of it.</summary>
    private readonly SortedDictionary<int, Beginning> beginnings = [];
    private Dictionary<int, long>? lastCounted;

    private sealed record Beginning(long Generation, long Behind, int Of);

    /// <summary>Runs in their order.</summary>
    public IReadOnlyCollection<StepRun> All => runs.Values;

    /// <summary>A step, in the order of recording.</summary>
    public void Add(HistoryStep step)
    {
        lastCounted = null;
        var key = (step.Step.Generation, step.Timeline);
        if (!runs.TryGetValue(key, out var run))
            runs[key] = run = new StepRun(step.Timeline, step.Step.Generation, step.Step.Step);
        run.Add(step.At, step.Step.Milliseconds);
    }

    /// <summary>An event: the job goes back, say.</summary>
    public void Add(CoordinatorEvent happened)
    {
        lastCounted = null;
        if (happened is { Kind: EventKinds.CheckpointRestored or EventKinds.StateRegained, Timeline: { } timeline, Step: { } step })
        {
            var of = happened.Numbers?.TryGetValue("timeline", out var said) == true ? (int)said : timeline - 1;
            beginnings[timeline] = new Beginning(happened.Generation ?? 0, step, of);
        }
    }

    /// <summary>The first step of a timeline that does not count, since the job went back behind it.</summary>
    public long FirstUndone(int timeline) => (lastCounted ??= FindCounted()).TryGetValue(timeline, out var last) && last < long.MaxValue
        ? last + 1 : lastCounted.ContainsKey(timeline) ? long.MaxValue : 0;

    /// <summary>How many steps of a run were undone.</summary>
    public long Undone(StepRun run) => Math.Clamp(run.LastStep + 1 - FirstUndone(run.Timeline), 0, run.Count);

    /// <summary>The newest timeline and those that it descends from, each with its last step that counts.</summary>
    private Dictionary<int, long> FindCounted()
    {
        // A silo may have died before it could go the way that it told of; whoever computes on an earlier timeline in a later generation
        // has gone another one.
        var gone = beginnings.Where(one => !runs.Values.Any(run => run.Timeline < one.Key && run.Generation > one.Value.Generation)
            || runs.Values.Any(run => run.Timeline == one.Key)).ToDictionary();
        var counted = new Dictionary<int, long>();
        var (timeline, last) = (gone.Keys.Concat(runs.Values.Select(run => run.Timeline)).DefaultIfEmpty(0).Max(), long.MaxValue);
        while (counted.TryAdd(timeline, last) && gone.TryGetValue(timeline, out var beginning))
            (timeline, last) = (beginning.Of, Math.Min(last, beginning.Behind));
        return counted;
    }
}
