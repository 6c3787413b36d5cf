namespace Coordinator.Machines;

/// <summary>
/// What has been gathered of the step in work and of the next, which faster members may have begun. Every payload that is staged here is
/// given back once: when its block is reduced, or when its step or its generation is over.
/// </summary>
internal sealed class StepGathers(RankContext context)
{
    private readonly SortedDictionary<long, StepGather> gathers = [];

    /// <summary>The gather of a step, made when it is asked for first.</summary>
    public StepGather Of(long step, ShardCut cut)
    {
        if (!gathers.TryGetValue(step, out var gather))
        {
            var start = context.SliceStart(context.Rank);
            gather = new StepGather(step, start, context.SliceStart(context.Rank + 1) - start, cut);
            gathers.Add(step, gather);
        }

        return gather;
    }

    /// <summary>Gives back what is staged for steps before one.</summary>
    public void ReleaseBefore(long step)
    {
        while (gathers.Count > 0 && gathers.First() is var (oldest, gather) && oldest < step)
        {
            foreach (var payload in gather.Payloads())
                context.Release(payload);
            gathers.Remove(oldest);
        }
    }

    /// <summary>Gives back all that is staged.</summary>
    public void Release() => ReleaseBefore(long.MaxValue);
}
