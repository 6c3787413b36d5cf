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
    public void Set(TimeSpan deadline)
    {
        if (armedFor <= deadline)
            return;
        armedFor = deadline;
        var due = deadline - services.Now;
        if (due < TimeSpan.Zero)
            due = TimeSpan.Zero;
        if (timer is null)
            timer = grain.RegisterGrainTimer(static (timer, _) => timer.Fire(), this, new GrainTimerCreationOptions(due, Timeout.InfiniteTimeSpan) { KeepAlive = true });
        else
            timer.Change(due, Timeout.InfiniteTimeSpan);
    }

    private Task Fire()
    {
        armedFor = null;
        return passed();
    }
}
