namespace Coordinator.Worker.Ranks;

/// <summary>
/// Threads that run strands: a strand that was woken runs once, on whichever thread is free, and never on two at a time. Woken
/// strands take turns in the order in which they were woken. With nothing to run the threads sleep, until the earliest time at which
/// a strand asked to be woken.
/// </summary>
internal sealed class StrandPool : IDisposable
{
    private readonly object gate = new();
    private readonly Queue<Strand> ready = [];
    private readonly PriorityQueue<Strand, TimeSpan> timers = new();
    private readonly Thread[] threads;
    private bool stopped;

    public StrandPool(string name, int count)
    {
        threads = [
            .. Enumerable.Range(0, count).Select(i => new Thread(Run) { IsBackground = true, Name = count == 1 ? name : $"{name} {i}" })
        ];
        foreach (var thread in threads)
            thread.Start();
    }

    /// <summary>Runs the strand, or runs it again where it is running. Any thread may call it.</summary>
    public void Wake(Strand strand)
    {
        lock (gate)
            MakeReady(strand);
    }

    /// <summary>Wakes the strand at a monotonic time, instead of at the one asked for before; null: not by time.</summary>
    public void WakeAt(Strand strand, TimeSpan? at)
    {
        lock (gate)
        {
            strand.At = at;
            if (at is { } time && (strand.Armed is not { } armed || time < armed))
                Arm(strand, time);
        }
    }

    /// <summary>The strand runs no more; waits where it is running, unless it is the strand itself that asks.</summary>
    public void End(Strand strand)
    {
        lock (gate)
        {
            strand.Ended = true;
            while (strand.Running is { } thread && thread != Thread.CurrentThread)
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
        while (Next() is { } strand)
        {
            strand.Run();
            lock (gate)
            {
                strand.Running = null;
                if (strand.Ended)
                    Monitor.PulseAll(gate);
                else if (strand.Waiting)
                    Enqueue(strand);
            }
        }
    }

    private Strand? Next()
    {
        lock (gate)
        {
            while (!stopped)
            {
                WakeDue();
                while (ready.TryDequeue(out var strand))
                {
                    strand.Queued = false;
                    if (strand.Ended)
                        continue;
                    strand.Waiting = false;
                    strand.Running = Thread.CurrentThread;
                    return strand;
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
        while (timers.TryPeek(out var strand, out var armed) && armed <= now)
        {
            timers.Dequeue();

            // One that was armed for an earlier time since stands in the heap twice.
            if (strand.Armed != armed)
                continue;
            strand.Armed = null;
            if (strand.At is not { } at || strand.Ended)
                continue;
            if (at > now)
            {
                Arm(strand, at);
                continue;
            }

            strand.At = null;
            MakeReady(strand);
        }
    }

    private void Arm(Strand strand, TimeSpan at)
    {
        strand.Armed = at;
        timers.Enqueue(strand, at);

        // Whoever sleeps may sleep until later than this.
        Monitor.Pulse(gate);
    }

    private void MakeReady(Strand strand)
    {
        if (strand.Ended)
            return;
        strand.Waiting = true;
        if (strand.Running is null)
            Enqueue(strand);
    }

    private void Enqueue(Strand strand)
    {
        if (strand.Queued)
            return;
        strand.Queued = true;
        ready.Enqueue(strand);
        Monitor.Pulse(gate);
    }
}
