namespace Coordinator.Worker.Ranks;

/// <summary>
/// The one thread that calls a rank's device: jobs run one after another, in the order given. It sleeps while there is none.
/// What a job throws goes to whoever made the thread; later jobs still run.
/// </summary>
internal sealed class DeviceThread : IDisposable
{
    private readonly Queue<Action> jobs = [];
    private readonly Action<Exception> failed;
    private readonly Thread thread;
    private bool stopped;

    public DeviceThread(string name, Action<Exception> failed)
    {
        this.failed = failed;
        thread = new Thread(Run) { IsBackground = true, Name = name };
        thread.Start();
    }

    public void Post(Action job)
    {
        lock (jobs)
        {
            jobs.Enqueue(job);
            Monitor.Pulse(jobs);
        }
    }

    /// <summary>Waits for the job under way; those behind it are dropped.</summary>
    public void Dispose()
    {
        lock (jobs)
        {
            stopped = true;
            jobs.Clear();
            Monitor.Pulse(jobs);
        }

        thread.Join();
    }

    private void Run()
    {
        while (true)
        {
            Action job;
            lock (jobs)
            {
                while (jobs.Count == 0 && !stopped)
                    Monitor.Wait(jobs);
                if (stopped)
                    return;
                job = jobs.Dequeue();
            }

            try
            {
                job();
            }
            catch (Exception e)
            {
                failed(e);
            }
        }
    }
}
