using System.Data.Common;
using Coordinator.Conformance;
using Coordinator.Machines;
using Coordinator.Server.Storage;

namespace Coordinator.Tests.Orleans.Conformance;

/// <summary>
/// A transcript's troubles below the thread that commits: a commit that does not end, one that fails, one whose acknowledgement is lost. It
/// knows whether that thread waits, for storage or for time, so that rest can be told. Thread-safe.
/// </summary>
internal sealed class TroubledStore(ICommitStore inner, TimeProvider time, Action active) : ICommitStore
{
    private readonly object gate = new();
    private StorageMode mode;
    private WriteFault? next;
    private Waiting waiting;
    private bool dead;

    private enum Waiting
    {
        ForNothing,
        ForStorage,
        ForTime,
    }

    /// <summary>How storage answers.</summary>
    public StorageMode Mode
    {
        get
        {
            lock (gate)
                return mode;
        }

        set
        {
            lock (gate)
            {
                mode = value;

                // From this moment on the commit goes on, also where its thread has not been scheduled yet.
                if (waiting == Waiting.ForStorage)
                    waiting = Waiting.ForNothing;
                Monitor.PulseAll(gate);
            }

            active();
        }
    }

    /// <summary>Whether the thread that commits waits for something that this test has to do.</summary>
    public bool Waits
    {
        get
        {
            lock (gate)
                return waiting != Waiting.ForNothing;
        }
    }

    /// <summary>Time by which the thread that commits rests before it tries again.</summary>
    public TimeProvider Time => new RestingTime(this, time);

    /// <summary>How the next write ends.</summary>
    public void FailNext(WriteFault fault)
    {
        lock (gate)
            next = fault;
    }

    /// <summary>The process is dead: nothing of it reaches the disk any more.</summary>
    public void Die()
    {
        lock (gate)
        {
            dead = true;
            Monitor.PulseAll(gate);
        }
    }

    public void Commit(long number, IReadOnlyList<CommitEntry> entries)
    {
        var fault = Pass();
        if (fault == WriteFault.Fails)
            throw new AwayException("the write failed");
        inner.Commit(number, entries);
        if (fault == WriteFault.AcknowledgementLost)
            throw new AwayException("the acknowledgement was lost");
    }

    public IReadOnlyList<JobId> ListJobs() => inner.ListJobs();

    private WriteFault? Pass()
    {
        lock (gate)
        {
            while (mode == StorageMode.Held && !dead)
            {
                waiting = Waiting.ForStorage;
                active();
                Monitor.Wait(gate);
            }

            waiting = Waiting.ForNothing;
            if (dead || mode == StorageMode.Away)
                throw new AwayException("away");
            var fault = next;
            next = null;
            return fault;
        }
    }

    private void Wait(Waiting what)
    {
        lock (gate)
            waiting = what;
        active();
    }

    private sealed class AwayException(string message) : DbException(message);

    private sealed class RestingTime(TroubledStore store, TimeProvider time) : TimeProvider
    {
        public override long TimestampFrequency => time.TimestampFrequency;

        public override long GetTimestamp() => time.GetTimestamp();

        public override DateTimeOffset GetUtcNow() => time.GetUtcNow();

        public override ITimer CreateTimer(TimerCallback callback, object? state, TimeSpan dueTime, TimeSpan period)
        {
            var timer = time.CreateTimer(
                given =>
                {
                    store.Wait(Waiting.ForNothing);
                    callback(given);
                },
                state,
                dueTime,
                period);
            store.Wait(Waiting.ForTime);
            return timer;
        }
    }
}
