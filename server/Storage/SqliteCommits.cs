using System.Data.Common;
using Coordinator.Machines;

namespace Coordinator.Server.Storage;

/// <summary>
/// Makes what many grains want to store durable together: whatever waits while a commit is under way goes into the next one, so a slow disk
/// makes commits larger and not more frequent. What was handed over earlier is never durable later: a grain that stores what it observed
/// and then its state need not wait in between. While storage is away the same commit is tried again. Thread-safe.
/// </summary>
public sealed class SqliteCommits : IObservationStore, IDisposable
{
    /// <summary>Entries of one commit at most.</summary>
    public const int Most = 4096;

    private static readonly TimeSpan FirstRetry = TimeSpan.FromMilliseconds(50);
    private static readonly TimeSpan LongestRetry = TimeSpan.FromSeconds(2);

    private readonly ICommitStore store;
    private readonly TimeProvider time;
    private readonly object gate = new();
    private readonly Thread thread;
    private List<CommitEntry> waiting = [];
    private bool stopping;
    private long commits;
    private volatile string? problem;

    /// <summary>Commits to a store, on a thread of its own.</summary>
    public SqliteCommits(ICommitStore store, TimeProvider time)
    {
        (this.store, this.time) = (store, time);
        thread = new Thread(Run) { IsBackground = true, Name = "commits" };
        thread.Start();
    }

    /// <summary>Why nothing can be stored at the moment; null while it can.</summary>
    public string? Problem => problem;

    /// <summary>Stores a grain's state; ends when it is durable, however long storage is away.</summary>
    /// <returns>False, and nothing is stored, where the stored state is not below this one in (incarnation, sequence).</returns>
    /// <exception cref="OperationCanceledException">The silo stops, and what became of the state is not known.</exception>
    public Task<bool> WriteAsync(GrainAddress grain, PersistState state) =>
        Add(new CommitEntry(time.GetUtcNow()) { State = new GrainState(grain, state) });

    /// <inheritdoc/>
    public Task<bool> StoreAsync(GrainAddress grain, long incarnation, IReadOnlyList<Output> observations) =>
        Add(new CommitEntry(time.GetUtcNow()) { Observer = (grain, incarnation), Observations = observations });

    /// <inheritdoc/>
    public Task AppendAsync(CoordinatorEvent observed) =>
        Add(new CommitEntry(time.GetUtcNow()) { Observations = [new ObserveEvent(observed)] });

    /// <inheritdoc/>
    public Task<IReadOnlyList<JobId>> ListJobsAsync(CancellationToken cancel = default) => Task.Run(store.ListJobs, cancel);

    /// <summary>Tries once more to store what waits, and ends. Who still waits then is told that the silo stops. Repeatable.</summary>
    public void Dispose()
    {
        lock (gate)
        {
            stopping = true;
            Monitor.PulseAll(gate);
        }

        thread.Join();
    }

    private Task<bool> Add(CommitEntry entry)
    {
        lock (gate)
        {
            if (stopping)
                return Task.FromCanceled<bool>(new CancellationToken(true));
            waiting.Add(entry);
            if (waiting.Count == 1)
                Monitor.Pulse(gate);
        }

        return entry.Done.Task;
    }

    private void Run()
    {
        while (Take() is { Count: > 0 } entries)
        {
            // One number however often it is tried: a commit whose acknowledgement was lost is not stored twice.
            commits++;
            try
            {
                var durable = Commit(entries);
                foreach (var entry in entries)
                {
                    if (durable)
                        entry.Done.TrySetResult(entry.IsTaken);
                    else
                        entry.Done.TrySetCanceled();
                }
            }
            catch (Exception unforeseen)
            {
                // Not storage's: whoever waits hears of it, and the next commit is another one.
                foreach (var entry in entries)
                    entry.Done.TrySetException(unforeseen);
            }
        }
    }

    private List<CommitEntry> Take()
    {
        lock (gate)
        {
            while (waiting.Count == 0 && !stopping)
                Monitor.Wait(gate);
            var taken = waiting;
            waiting = [];
            if (taken.Count > Most)
            {
                waiting = taken[Most..];
                taken.RemoveRange(Most, taken.Count - Most);
            }

            return taken;
        }
    }

    private bool Commit(List<CommitEntry> entries)
    {
        for (var pause = FirstRetry; ; pause = pause + pause < LongestRetry ? pause + pause : LongestRetry)
        {
            try
            {
                store.Commit(commits, entries);
                problem = null;
                return true;
            }
            catch (DbException away)
            {
                problem = $"storage does not answer: {away.Message}";
                if (!Rest(pause))
                    return false;
            }
        }
    }

    /// <returns>False where the silo stops.</returns>
    private bool Rest(TimeSpan pause)
    {
        var over = false;
        using var timer = time.CreateTimer(_ => End(), null, pause, Timeout.InfiniteTimeSpan);
        lock (gate)
        {
            while (!over && !stopping)
                Monitor.Wait(gate);
            return !stopping;
        }

        void End()
        {
            lock (gate)
            {
                over = true;
                Monitor.PulseAll(gate);
            }
        }
    }
}
