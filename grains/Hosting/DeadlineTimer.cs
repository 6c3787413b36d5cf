namespace Coordinator.Grains.Hosting;

/// <summary>
/// A grain's timer for its machine's next deadline. A deadline that moves away, as every heartbeat moves one, leaves the timer as it is:
/// it fires early once, and is set anew. Keeping the activation alive: a machine with a deadline has something to do.
/// Where it fires late, the deadline waits (<see cref="Lateness"/>).
/// </summary>
internal sealed class DeadlineTimer(IGrainBase grain, IGrainServices services, Func<Task> passed)
{
    private readonly Lateness lateness = new();
    private IGrainTimer? timer;
    private TimeSpan? armedFor;
    private TimeSpan dueAt;

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
        {
            timer = grain.RegisterGrainTimer(
                static (timer, _) => timer.Fire(), this, new GrainTimerCreationOptions(due, Timeout.InfiniteTimeSpan) { KeepAlive = true });
        }
        else
        {
            timer.Change(due, Timeout.InfiniteTimeSpan);
        }
    }

    private Task Fire()
    {
        var now = services.Now;
        if (lateness.WaitAfter(now - dueAt) is { } wait)
        {
            Arm(now + wait);
            return Task.CompletedTask;
        }

        armedFor = null;
        return passed();
    }
}
