namespace Coordinator.Worker.Ranks;

/// <summary>
/// Threads that run tasks: a task that was woken runs once, on whichever thread is free, and never on two at a time. Woken
/// tasks take turns in the order in which they were woken. With nothing to run the threads sleep, until the earliest time at which
/// a task asked to be woken.
/// </summary>
internal sealed class SerialTaskPool : IDisposable
{
    private readonly object gate = new();
    private readonly Queue<SerialTask> ready = [];
    private readonly PriorityQueue<SerialTask, TimeSpan> timers = new();
    private readonly Thread[] threads;
    private bool stopped;

    public SerialTaskPool(string name, int count)
    {
        threads = [
            .. Enumerable.Range(0, count).Select(i => new Thread(Run) { IsBackground = true, Name = count == 1 ? name : $"{name} {i}" })
        ];
        foreach (var thread in threads)
            thread.Start();
    }

    /// <summary>Runs the task, or runs it again where it is running. Any thread may call it.</summary>
    public void Wake(SerialTask task)
    {
        lock (gate)
            MakeReady(task);
    }

    /// <summary>Wakes the task at a monotonic time, instead of at the one asked for before; null: not by time.</summary>
    public void WakeAt(SerialTask task, TimeSpan? at)
    {
        lock (gate)
        {
            task.At = at;
            if (at is { } time && (task.Armed is not { } armed || time < armed))
                Arm(task, time);
        }
    }

    /// <summary>The task runs no more; waits where it is running, unless it is the task itself that asks.</summary>
    public void End(SerialTask task)
    {
        lock (gate)
        {
            task.Ended = true;
            while (task.Running is { } thread && thread != Thread.CurrentThread)
                Monitor.Wait(gate);
        }
    }

    /// <summary>Ends the threads, after what each is running.</summary>
    public void Dispose()
    {
        lock (gate)
        {
            stopped = true;
            Monitor.PulseAll(gate);
        }

        foreach (var thread in threads)
        {
            if (thread != Thread.CurrentThread)
                thread.Join();
        }
    }

    private void Run()
    {
        while (Next() is { } task)
        {
            task.Run();
            lock (gate)
            {
                task.Running = null;
                if (task.Ended)
                    Monitor.PulseAll(gate);
                else if (task.Waiting)
                    Enqueue(task);
            }
        }
    }

    private SerialTask? Next()
    {
        lock (gate)
        {
            while (!stopped)
            {
                WakeDue();
                while (ready.TryDequeue(out var task))
                {
                    task.Queued = false;
                    if (task.Ended)
                        continue;
                    task.Waiting = false;
                    task.Running = Thread.CurrentThread;
                    return task;
                }

                if (timers.TryPeek(out _, out var at))
                    Monitor.Wait(gate, (int)Math.Clamp(Math.Ceiling((at - Monotonic.Now).TotalMilliseconds), 1, 60_000));
                else
                    Monitor.Wait(gate);
            }

            return null;
        }
    }

    private void WakeDue()
    {
        if (timers.Count == 0)
            return;
        var now = Monotonic.Now;
        while (timers.TryPeek(out var task, out var armed) && armed <= now)
        {
            timers.Dequeue();

            // One that was armed for an earlier time since stands in the heap twice.
            if (task.Armed != armed)
                continue;
            task.Armed = null;
            if (task.At is not { } at || task.Ended)
                continue;
            if (at > now)
            {
                Arm(task, at);
                continue;
            }

            task.At = null;
            MakeReady(task);
        }
    }

    private void Arm(SerialTask task, TimeSpan at)
    {
        task.Armed = at;
        timers.Enqueue(task, at);

        // Whoever sleeps may sleep until later than this.
        Monitor.Pulse(gate);
    }

    private void MakeReady(SerialTask task)
    {
        if (task.Ended)
            return;
        task.Waiting = true;
        if (task.Running is null)
            Enqueue(task);
    }

    private void Enqueue(SerialTask task)
    {
        if (task.Queued)
            return;
        task.Queued = true;
        ready.Enqueue(task);
        Monitor.Pulse(gate);
    }
}
