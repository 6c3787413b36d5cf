namespace Coordinator.Grains.Hosting;

/// <summary>
/// A grain's timer for its machine's next deadline. A deadline that moves away, as every heartbeat moves one, leaves the timer as it is:
/// it fires early once, and is set anew. Keeping the activation alive: a machine with a deadline has something to do.
/// <para>
/// What waits for the grain comes before a deadline that passes, since it may show that the deadline was kept. A timer that fires late tells that
/// the process itself is behind, and its messages with it: they pass through several queues where a timer passes through one. So the deadline
/// then waits for several times as long as the timer was late, and passes all the same once that has added up to <see cref="LongestWait"/>.
/// </para>
/// </summary>
internal sealed class DeadlineTimer(IGrainBase grain, IGrainServices services, Func<Task> passed)
{
    /// <summary>How long deadlines wait for messages at most, in a process that is behind all the time.</summary>
    public static readonly TimeSpan LongestWait = TimeSpan.FromSeconds(10);

    /// <summary>Later than this a timer is not by itself.</summary>
    public static readonly TimeSpan Punctual = TimeSpan.FromMilliseconds(100);

    private const int Queues = 4;

    private IGrainTimer? timer;
    private TimeSpan? armedFor;
    private TimeSpan dueAt;
    private TimeSpan waited;

    /// <summary>Sees to it that the grain is woken at the deadline at the latest.</summary>
    public void Set(TimeSpan deadline)
    {
        if (armedFor <= deadline)
            return;
        armedFor = deadline;
        Arm(deadline);
    }

    private void Arm(TimeSpan at)
    {
        var now = services.Now;
        dueAt = at > now ? at : now;
        var due = dueAt - now;
        if (timer is null)
            timer = grain.RegisterGrainTimer(static (timer, _) => timer.Fire(), this, new GrainTimerCreationOptions(due, Timeout.InfiniteTimeSpan) { KeepAlive = true });
        else
            timer.Change(due, Timeout.InfiniteTimeSpan);
    }

    private Task Fire()
    {
        var now = services.Now;
        if (now - dueAt is var late && late > Punctual && waited < LongestWait)
        {
            waited += Queues * late;
            Arm(now + (Queues * late));
            return Task.CompletedTask;
        }

        waited = TimeSpan.Zero;
        armedFor = null;
        return passed();
    }
}
