namespace Coordinator.Machines.Jobs.Policies;

/// <summary>Where the state lies that a generation goes on from.</summary>
public enum StateSource
{
    /// <summary>Nowhere yet: the job waits for a worker that has it, or until it may go back.</summary>
    Nowhere,

    /// <summary>Members hold the latest of the present timeline, or nothing is recorded of that and all begin from the seed.</summary>
    Present,

    /// <summary>
    /// Members hold a state that is not the latest of the present timeline: a later one of another timeline, or an earlier one.
    /// </summary>
    Kept,

    /// <summary>The newest checkpoint that can be read.</summary>
    Checkpoint,

    /// <summary>The seed, where the job has not come to its first checkpoint.</summary>
    Seed,
}

/// <summary>
/// Which state a generation goes on from, as a pure function of what its members have answered and of what is stored. All states of a step
/// hold the same bits, whatever their timeline, so each of them can be gone on from; timelines only keep members from mixing two of them.
/// The furthest is taken, and none is given up for one that is not better:
/// <list type="bullet">
/// <item>The latest state of the present timeline, which is the ordinary case.</item>
/// <item>Before that a later one of another timeline, where going on from it gives up nothing: what members hold of the present timeline is
/// in a checkpoint as well, or is the seed. That is a worker that comes back after the job has gone back, and before it has got
/// anywhere.</item>
/// <item>Where the present timeline's is out of reach: a state of another timeline that is as far as the record, at once; after a while
/// the furthest of what members hold and of what can be read.</item>
/// </list>
/// </summary>
/// <param name="Source">Where it lies.</param>
/// <param name="Timeline">Timeline of a <see cref="StateSource.Kept"/> state.</param>
/// <param name="Step">Its step, applied or about to be from the reduced gradient that is held.</param>
public readonly record struct StateChoice(StateSource Source, int Timeline = 0, long Step = 0)
{
    /// <summary>Chooses.</summary>
    /// <param name="answers">The members' answers.</param>
    /// <param name="timeline">The job's timeline.</param>
    /// <param name="recorded">Steps recorded of it.</param>
    /// <param name="checkpoint">Step of the newest checkpoint that a member may be able to read; null: there is none.</param>
    /// <param name="mayGoBack">Whether the job has waited long enough for a worker that has the latest state.</param>
    /// <param name="isSeedAState">Whether beginning again is a way to go back.</param>
    public static StateChoice Of(
        IReadOnlyList<RankState> answers, int timeline, long recorded, long? checkpoint, bool mayGoBack, bool isSeedAState)
    {
        var present = answers.Where(answer => answer.HasState && answer.Timeline == timeline).Select(RecoveryPlanner.Reach)
            .DefaultIfEmpty(-1).Max();
        var kept = Furthest(answers);
        if (present >= recorded - 1 && (present >= 0 || recorded == 0))
        {
            var isPresentSafe = present <= 0 || checkpoint >= present;
            return kept is { } later && later.Timeline != timeline && later.Step > Math.Max(present, 0) && isPresentSafe
                ? later
                : new StateChoice(StateSource.Present);
        }

        if (kept is { } far && far.Timeline != timeline && far.Step >= recorded)
            return far;
        if (!mayGoBack)
            return default;
        if (kept is { } held && held.Step >= (checkpoint ?? 0))
            return held;
        return checkpoint is not null ? new StateChoice(StateSource.Checkpoint)
            : isSeedAState ? new StateChoice(StateSource.Seed)
            : default;
    }

    /// <summary>The furthest state that members hold; null where none has got beyond the seed.</summary>
    /// <param name="answers">The members' answers.</param>
    public static StateChoice? Furthest(IReadOnlyList<RankState> answers)
    {
        var states = answers.Where(answer => answer.HasState && RecoveryPlanner.Reach(answer) > 0).ToArray();
        return states.Length == 0 ? null : states.Select(answer => new StateChoice(
            StateSource.Kept, answer.Timeline, RecoveryPlanner.Reach(answer))).MaxBy(choice => (choice.Step, choice.Timeline));
    }
}
