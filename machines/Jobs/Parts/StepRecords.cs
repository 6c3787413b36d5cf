namespace Coordinator.Machines.Jobs.Parts;

/// <summary>
/// Steps that are known to be recorded, of the job's timeline and of those that it has left. A timeline's number only grows, since what is
/// recorded stays so; there may be more on record than this activation has heard of.
/// </summary>
internal sealed class StepRecords
{
    /// <summary>
    /// A storage that was set back may have lost generations that workers know, but not so many: a report of one farther ahead is no word
    /// of a rank's, and would use up the numbers.
    /// </summary>
    private const long MostLostGenerations = 1 << 20;

    /// <summary>By timeline that the job has left.</summary>
    private readonly SortedDictionary<int, long> before = [];

    /// <summary>Steps recorded of the job's timeline.</summary>
    public long Through { get; private set; }

    /// <summary>Loss of the last step that came; null: none came yet.</summary>
    public double? LastLoss { get; private set; }

    /// <summary>Time that the last step took, ms; 0: none came yet.</summary>
    public double LastStepMs { get; private set; }

    /// <summary>The highest generation that was reported; the next one is higher.</summary>
    public long HighestGeneration { get; private set; }

    /// <summary>The job was loaded, or finished again as it had been: so many steps are on record.</summary>
    public void Reset(long through) => Through = through;

    /// <summary>A report names a generation.</summary>
    public void NoteGeneration(long reported, long present)
    {
        if (reported <= present + MostLostGenerations)
            HighestGeneration = Math.Max(HighestGeneration, reported);
    }

    /// <summary>What a rank knows to be recorded is, since it heard so from this job, maybe in an earlier activation.</summary>
    /// <param name="timeline">Timeline of which the rank speaks.</param>
    /// <param name="through">Its last step that is recorded.</param>
    /// <param name="present">The job's timeline.</param>
    public void Note(int timeline, long through, int present)
    {
        if (timeline == present)
            Through = Math.Max(Through, through);
        else
            before[timeline] = Math.Max(before.GetValueOrDefault(timeline), through);
    }

    /// <summary>Steps recorded of a timeline.</summary>
    public long Of(int timeline, int present) => timeline == present ? Through : before.GetValueOrDefault(timeline);

    /// <summary>
    /// Steps of the job's timeline are reported, ascending. Returns those that are new. A gap before the first one is no loss: a rank
    /// begins behind what it knows to be recorded, and it knows that only from this job.
    /// </summary>
    public IReadOnlyList<StepRecord> Take(IReadOnlyList<StepRecord> steps)
    {
        if (steps is not [.., var last] || last.Step <= Through)
            return [];
        StepRecord[] news = [.. steps.Where(step => step.Step > Through)];
        (Through, LastLoss, LastStepMs) = (last.Step, last.Loss, last.Milliseconds);
        return news;
    }

    /// <summary>Steps of a timeline that the job has left are reported, ascending. Returns those that are new.</summary>
    public IReadOnlyList<StepRecord> TakeOf(int timeline, IReadOnlyList<StepRecord> steps)
    {
        var known = before.GetValueOrDefault(timeline);
        if (steps is not [.., var last] || last.Step <= known)
            return [];
        before[timeline] = last.Step;
        return [.. steps.Where(step => step.Step > known)];
    }

    /// <summary>
    /// The job leaves its timeline for one that begins behind a step. Returns how many recorded steps are computed again.
    /// </summary>
    public long BeginTimeline(int left, long step)
    {
        before[left] = Through;

        // What is recorded may be more than this activation has heard of, and then the number is too small; the record itself has it all.
        var undone = Math.Max(0, Through - step);
        Through = step;
        return undone;
    }
}
