namespace Coordinator.Machines.Jobs.Parts;

/// <summary>
/// Failures that come while thousands of members are asked go together: the question is given up for another one when nothing new has
/// failed for <see cref="JobPace.FailureGather"/>, and after four times as long whatever comes. Nodes that die at once are noticed one
/// after the other, and for each of them alone everybody would be asked again. Where nobody is asked, a failure counts at once.
/// </summary>
internal sealed class FailureGather(JobContext context)
{
    private int signs;
    private TimeSpan? firstAt;
    private TimeSpan lastAt;

    /// <summary>When what has failed counts; null: nothing is gathered.</summary>
    public TimeSpan? Due
    {
        get
        {
            var quiet = JobPace.FailureGather(context.State.Members.Count);
            if (firstAt is not { } first)
                return null;
            return lastAt + quiet < first + (4 * quiet) ? lastAt + quiet : first + (4 * quiet);
        }
    }

    /// <summary>Whether what has failed waits for more.</summary>
    /// <param name="now">Signs of failure that there are now: members that failed, and accusations.</param>
    /// <param name="isAsked">Whether members are being asked.</param>
    public bool Waits(int now, bool isAsked)
    {
        if (now == 0 || !isAsked || JobPace.FailureGather(context.State.Members.Count) == TimeSpan.Zero)
        {
            Clear();
            return false;
        }

        if (now > signs)
            lastAt = context.Now;
        signs = now;
        firstAt ??= context.Now;
        return context.Now < Due;
    }

    /// <summary>Another generation is in force.</summary>
    public void Clear()
    {
        signs = 0;
        firstAt = null;
    }
}
