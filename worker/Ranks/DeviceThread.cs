namespace Coordinator.Worker.Ranks;

/// <summary>
/// What calls a rank's device: jobs run one after another, in the order given, on one thread at a time, which the devices of other
/// ranks may share. What a job throws goes to whoever made this; later jobs still run.
/// </summary>
internal sealed class DeviceThread : IDisposable
{
    private readonly Queue<Action> jobs = [];
    private readonly Action<Exception> failed;
    private readonly SerialTask task;
    private bool stopped;

    public DeviceThread(SerialTaskPool threads, Action<Exception> failed)
    {
        this.failed = failed;
        task = new SerialTask(threads, RunOne);
    }

    public void Post(Action job)
    {
        lock (jobs)
        {
            if (stopped)
                return;
            jobs.Enqueue(job);
        }

        task.Wake();
    }

    /// <summary>Waits for the job under way; those behind it are dropped.</summary>
    public void Dispose()
    {
        lock (jobs)
        {
            stopped = true;
            jobs.Clear();
        }

        task.End();
    }

    /// <summary>One at a time, so that no rank's device keeps those of the others waiting for longer than a job.</summary>
    private void RunOne()
    {
        Action? job;
        bool more;
        lock (jobs)
        {
            if (!jobs.TryDequeue(out job))
                return;
            more = jobs.Count > 0;
        }

        try
        {
            job();
        }
        catch (Exception e)
        {
            failed(e);
        }

        if (more)
            task.Wake();
    }
}
