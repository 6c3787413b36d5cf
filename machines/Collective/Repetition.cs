namespace Coordinator.Machines;

/// <summary>
/// When a rank says again what has not been answered, and when it says where it stands though nobody asked. What brings nothing new is
/// repeated less and less often, and never stops.
/// </summary>
internal sealed class Repetition(RankContext context)
{
    private int repetitions;
    private TimeSpan lookAt;
    private long appliedAtLook;

    /// <summary>When what has something to say says it again.</summary>
    public TimeSpan At { get; private set; }

    /// <summary>When it is looked whether a rank under a plan has come a step farther.</summary>
    public TimeSpan LookAt => lookAt;

    /// <summary>Whether it is time to repeat.</summary>
    public bool IsDue => context.Now >= At;

    /// <summary>
    /// Time to the next repetition: half a second, or half a millisecond for each rank of the job where that is more, since all of them
    /// have one job to speak to; twice as long after each one that brought nothing new, up to eight times.
    /// </summary>
    private TimeSpan Period => TimeSpan.FromMilliseconds(Math.Max(500, 0.5 * Ranks)) * (1 << Math.Min(repetitions, 3));

    /// <summary>
    /// Time after which a rank that has a plan and has come no step farther says where it is, or a millisecond for each rank of the job
    /// where that is more. The job, loaded anew, may have gone on without it, and the order to let go may have been lost together with the
    /// job's memory of it: whoever stands still says so, or it would hold its device for ever.
    /// </summary>
    private TimeSpan StandstillPeriod => TimeSpan.FromMilliseconds(Math.Max(5000, Ranks));

    private int Ranks => context.Members?.Members.Count ?? 0;

    /// <summary>There is news: what follows is said as often as at first.</summary>
    public void Reset() => repetitions = 0;

    /// <summary>Counts from now.</summary>
    public void Arm() => At = context.Now + Period;

    /// <summary>Counts from now once more; with news as at first.</summary>
    public void Rearm(bool isNews)
    {
        repetitions = isNews ? 0 : repetitions + 1;
        Arm();
    }

    /// <summary>There is news to repeat, which waits no longer than what was to be repeated anyway.</summary>
    public void ArmForNews()
    {
        Reset();
        if (IsDue)
            Arm();
    }

    /// <summary>The rank has applied so many steps now; it is looked again after a while.</summary>
    public void BeginLooking(long applied) => (appliedAtLook, lookAt) = (applied, context.Now + StandstillPeriod);

    /// <summary>Whether it is time to look, and the rank stands where it stood then.</summary>
    public bool LookForStandstill(long applied)
    {
        if (context.Now < lookAt)
            return false;
        var stands = applied == appliedAtLook;
        BeginLooking(applied);
        return stands;
    }
}
