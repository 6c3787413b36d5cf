namespace Coordinator.Grains.Hosting;

/// <summary>
/// A grain's timer for its machine's next deadline. A deadline that moves away, as every heartbeat moves one, leaves the timer as it is:
/// it fires early once, and is set anew. Keeping the activation alive: a machine with a deadline has something to do.
/// </summary>
internal sealed class DeadlineTimer(IGrainBase grain, IGrainServices services, Func<Task> passed)
{
    private IGrainTimer? timer;
    private TimeSpan? armedFor;

    /// <summary>Sees to it that the grain is woken at the deadline at the latest.</summary>
    public void Set(TimeSpan? deadline)
    {
        if (deadline is not { } at || armedFor <= at)
            return;
        armedFor = at;
        var due = at - services.Now;
        if (due < TimeSpan.Zero)
            due = TimeSpan.Zero;
        if (timer is null)
            timer = grain.RegisterGrainTimer(_ => Fire(), new GrainTimerCreationOptions(due, Timeout.InfiniteTimeSpan) { KeepAlive = true });
        else
            timer.Change(due, Timeout.InfiniteTimeSpan);
    }

    private Task Fire()
    {
        armedFor = null;
        return passed();
    }
}
