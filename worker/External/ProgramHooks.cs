namespace Coordinator.Worker.External;

/// <summary>
/// When a program's own work after steps is due: on rank 0, when the step is recorded, with the state of that step and before anything is
/// done that leads away from it. So each such step has its work at least once, whoever dies: a rank 0 that comes anew with that state
/// cannot know whether it was done, and does it again.
/// </summary>
/// <param name="periods">After every so many steps.</param>
internal sealed class ProgramHooks(IReadOnlyList<long> periods)
{
    private readonly object gate = new();
    private long done;
    private long recorded;
    private int plans;
    private int rank = -1;
    private bool isAbandoned;

    /// <summary>The rank's number in its newest plan; below 0: there was none.</summary>
    public int Rank
    {
        get
        {
            lock (gate)
                return rank;
        }
    }

    /// <summary>There is a new plan.</summary>
    public void TakeRank(int number)
    {
        lock (gate)
        {
            (rank, plans) = (number, plans + 1);
            Monitor.PulseAll(gate);
        }
    }

    /// <summary>Steps up to here are recorded.</summary>
    public void TakeRecorded(long through)
    {
        lock (gate)
        {
            recorded = through;
            Monitor.PulseAll(gate);
        }
    }

    /// <summary>Nobody waits for anything any more.</summary>
    public void Abandon()
    {
        lock (gate)
        {
            isAbandoned = true;
            Monitor.PulseAll(gate);
        }
    }

    /// <summary>Waits, where work is due at a step, until the step is recorded.</summary>
    /// <param name="step">The step that the state is of.</param>
    /// <param name="cancel">What was to be done next is not wanted any more.</param>
    /// <returns>Whether the work is to be done now; false: there is none, or another plan came before the record.</returns>
    /// <exception cref="OperationCanceledException">What was to be done next is not wanted any more.</exception>
    public bool IsDue(long step, CancellationToken cancel)
    {
        // Outside the lock: its end waits for a callback that is under way, which wants the lock.
        using var waking = cancel.UnsafeRegister(_ => Wake(), null);
        lock (gate)
        {
            if (rank != 0 || step < 1 || step == done || !periods.Any(period => step % period == 0))
                return false;
            for (var plan = plans; recorded < step; Monitor.Wait(gate))
            {
                cancel.ThrowIfCancellationRequested();
                if (plan != plans || isAbandoned)
                    return false;
            }

            return true;
        }
    }

    /// <summary>The work of a step was done.</summary>
    public void NoteDone(long step)
    {
        lock (gate)
            done = step;
    }

    private void Wake()
    {
        lock (gate)
            Monitor.PulseAll(gate);
    }
}
