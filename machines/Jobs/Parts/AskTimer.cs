namespace Coordinator.Machines.Jobs.Parts;

/// <summary>When a job repeats what it asked or ordered of its members: later each time, until something new is asked.</summary>
internal sealed class AskTimer(JobContext context)
{
    private int repetitions;

    /// <summary>When to repeat; null: nothing was asked yet.</summary>
    public TimeSpan? At { get; private set; }

    /// <summary>Whether it is time.</summary>
    public bool IsDue => context.Now >= At;

    /// <summary>Something new is asked.</summary>
    public void Reset() => repetitions = 0;

    /// <summary>The same is asked again.</summary>
    public void Repeat() => repetitions++;

    /// <summary>Counts from now, the longer the more often it was repeated.</summary>
    public void Arm() => Arm(JobPace.Question(context.State.Members.Count, repetitions));

    /// <summary>Counts from now.</summary>
    public void Arm(TimeSpan period) => At = context.Now + period;
}
