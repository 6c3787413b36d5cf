namespace Coordinator.Machines.Ledger;

/// <summary>
/// Steps that were applied one after the other in one generation on one timeline. They tile the time from the first one's end to the last
/// one's, since each says how long after the one before it was applied. A job of weeks has millions, so a step is one number here.
/// </summary>
internal sealed class StepRun(int timeline, long generation, long firstStep)
{
    private readonly List<double> durations = [];
    private DateTimeOffset previous;
    private DateTimeOffset latestBegin = DateTimeOffset.MaxValue;
    private double sum;
    private double scale = 1;

    /// <summary>Timeline.</summary>
    public int Timeline => timeline;

    /// <summary>Generation.</summary>
    public long Generation => generation;

    /// <summary>The first step.</summary>
    public long FirstStep => firstStep;

    /// <summary>The last step.</summary>
    public long LastStep => firstStep + Count - 1;

    /// <summary>Number of steps.</summary>
    public int Count { get; private set; }

    /// <summary>When the first step was applied, s since the job's submission.</summary>
    public double Begin { get; private set; }

    /// <summary>When the last step was applied, s since the job's submission.</summary>
    public double End => Begin + (sum * scale);

    /// <summary>Seconds from the step before to each, but for the first.</summary>
    public IEnumerable<double> Durations => durations.Select(duration => duration * scale);

    /// <summary>
    /// Appends a step. A step is applied before it is recorded, so each says when the first one was applied at the latest.
    /// </summary>
    public void Add(DateTimeOffset recordedAt, double milliseconds)
    {
        if (Count++ > 0)
        {
            var duration = double.IsFinite(milliseconds) && milliseconds >= 0
                ? milliseconds / 1000 : Math.Max(0, (recordedAt - previous).TotalSeconds);
            durations.Add(duration);
            sum += duration;
        }

        previous = recordedAt;
        var begin = recordedAt - TimeSpan.FromSeconds(sum);
        latestBegin = begin < latestBegin ? begin : latestBegin;
    }

    /// <summary>
    /// Places the steps in time: reports come now and then, so the steps lie as late as the promptest of them allows, not before the
    /// generation's plans, and before whatever could come only after the last of them. Where they do not fit in between, the clock of the
    /// rank that timed them ran otherwise than the silo's, and its times are taken as parts of what there is.
    /// </summary>
    /// <param name="from">The job's submission.</param>
    /// <param name="earliest">Nothing of the run is earlier, s since the job's submission.</param>
    /// <param name="latest">Nothing of the run is later, s since the job's submission.</param>
    /// <param name="known">A step, and when it is known to have been applied at the latest, s.</param>
    public void Place(DateTimeOffset from, double earliest, double latest, (long Step, double At)? known)
    {
        var begin = Math.Min((latestBegin - from).TotalSeconds, latest - sum);
        if (known is var (step, at) && step >= firstStep && step <= LastStep)
            begin = Math.Min(begin, at - durations.Take((int)(step - firstStep)).Sum());
        Begin = Math.Max(begin, earliest);
        if (Begin + sum > latest && sum > 0)
            scale = Math.Max(0, latest - Begin) / sum;
    }
}
