using Coordinator.Machines;

namespace Coordinator.Lab.Swarm;

/// <summary>
/// One generation on the swarm's data plane: which ranks have taken their plan, and how far they are. Guarded by the plane's lock.
/// </summary>
internal sealed class PlaneGeneration(JobId job, long generation, long firstStep, int ranks)
{
    private readonly AgentRank?[] joined = new AgentRank?[ranks];

    public JobId Job => job;

    public long Generation => generation;

    public long FirstStep => firstStep;

    /// <summary>By rank; null: it has no plan yet.</summary>
    public IReadOnlyList<AgentRank?> Joined => joined;

    /// <summary>Ranks that have taken their plan.</summary>
    public int Count { get; private set; }

    /// <summary>The last step that all ranks have applied.</summary>
    public long Applied { get; private set; } = firstStep - 1;

    /// <summary>A rank is gone, or has promised not to go on: no step can be completed any more.</summary>
    public bool IsBroken { get; set; }

    /// <summary>When the next step is complete; null: not all ranks are there, or never.</summary>
    public TimeSpan? NextStep { get; private set; }

    /// <summary>A rank has taken its plan.</summary>
    public void Join(AgentRank rank, int number, TimeSpan now, TimeSpan stepTime)
    {
        if (joined[number] is null)
            Count++;
        joined[number] = rank;
        if (Count == joined.Length && NextStep is null)
            NextStep = now + stepTime;
    }

    /// <summary>All have applied a step.</summary>
    /// <returns>The step.</returns>
    public long Step(TimeSpan now, TimeSpan stepTime)
    {
        // A step that was late, since the process had no time, is not made up for: the next one takes its time.
        NextStep = now + stepTime;
        return ++Applied;
    }
}
