namespace Coordinator.Engine;

/// <summary>How a try to commit ended: a result, or the exception that says that storage is away.</summary>
internal sealed record CommitOutcome(CommitResult? Result, Exception? Failure);

/// <summary>Commits one batch at a time beside the turns, since a disk may take milliseconds to make it durable.</summary>
internal sealed class CommitThread
{
    private readonly IEngineStore store;
    private readonly Action<CommitOutcome> ended;
    private readonly object gate = new();
    private readonly Thread thread;
    private CommitBatch? next;
    private bool stopping;

    public CommitThread(IEngineStore store, Action<CommitOutcome> ended)
    {
        this.store = store;
        this.ended = ended;
        thread = new Thread(Run) { IsBackground = true, Name = "engine commits" };
    }

    public void Start() => thread.Start();

    /// <summary>Begins a commit; the one before has ended.</summary>
    public void Begin(CommitBatch batch)
    {
        lock (gate)
        {
            next = batch;
            Monitor.Pulse(gate);
        }
    }

    /// <summary>Waits for the commit in progress and ends the thread.</summary>
    public void Stop()
    {
        lock (gate)
        {
            stopping = true;
            Monitor.Pulse(gate);
        }

        thread.Join();
    }

    /// <summary>One try.</summary>
    public static CommitOutcome Try(IEngineStore store, CommitBatch batch)
    {
        try
        {
            return new CommitOutcome(store.Commit(batch), null);
        }
        catch (Exception exception)
        {
            return new CommitOutcome(null, exception);
        }
    }

    private void Run()
    {
        while (true)
        {
            CommitBatch batch;
            lock (gate)
            {
                while (next is null && !stopping)
                    Monitor.Wait(gate);
                if (next is null)
                    return;
                batch = next;
                next = null;
            }

            ended(Try(store, batch));
        }
    }
}
