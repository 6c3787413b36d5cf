using System.Collections.Concurrent;
using System.Diagnostics;

namespace Coordinator.Lab.Swarm;

/// <summary>What passed between the swarm and its silos, all agents together. Thread-safe.</summary>
public sealed class SwarmCounts
{
    private readonly ConcurrentQueue<string> complaints = new();
    private readonly ConcurrentQueue<double> recordTimes = new();
    private readonly Lock gate = new();
    private long heard;
    private long heardBytes;
    private long said;
    private long beats;
    private long lost;
    private long again;
    private long stepSaid;
    private long stepSaidAt;

    /// <summary>Messages from silos.</summary>
    public long Heard => Interlocked.Read(ref heard);

    /// <summary>Bytes of those.</summary>
    public long HeardBytes => Interlocked.Read(ref heardBytes);

    /// <summary>Messages to silos, heartbeats among them.</summary>
    public long Said => Interlocked.Read(ref said);

    /// <summary>Heartbeats sent.</summary>
    public long Beats => Interlocked.Read(ref beats);

    /// <summary>Connections that ended without their agent wanting it.</summary>
    public long Lost => Interlocked.Read(ref lost);

    /// <summary>Tries to connect that came to nothing.</summary>
    public long TriedAgain => Interlocked.Read(ref again);

    /// <summary>Why the last of those did, or the last connection was lost.</summary>
    public string LastReason { get; private set; } = "";

    /// <summary>The last step that a silo said is recorded.</summary>
    public long Recorded { get; private set; }

    /// <summary>What agents found that must not be, such as a rank other than their own membership gives.</summary>
    public IReadOnlyCollection<string> Complaints => complaints;

    /// <summary>A message came.</summary>
    public void Hear(int bytes)
    {
        Interlocked.Increment(ref heard);
        Interlocked.Add(ref heardBytes, bytes);
    }

    /// <summary>A message left.</summary>
    public void Say() => Interlocked.Increment(ref said);

    /// <summary>A heartbeat leaves.</summary>
    public void Beat() => Interlocked.Increment(ref beats);

    /// <summary>A connection ended.</summary>
    public void Lose(string reason)
    {
        Interlocked.Increment(ref lost);
        LastReason = reason;
    }

    /// <summary>A try came to nothing.</summary>
    public void TryAgain(string reason)
    {
        Interlocked.Increment(ref again);
        LastReason = reason;
    }

    /// <summary>Something is wrong.</summary>
    public void Complain(string text) => complaints.Enqueue(text);

    /// <summary>Rank 0 reports a step, for the first time or again.</summary>
    public void StepSaid(long step)
    {
        lock (gate)
        {
            if (step <= stepSaid)
                return;
            (stepSaid, stepSaidAt) = (step, Stopwatch.GetTimestamp());
        }
    }

    /// <summary>
    /// A silo said that steps are recorded: the way from a worker through the grains of its node and its job to the disk and back.
    /// </summary>
    public void StepRecorded(long through)
    {
        lock (gate)
        {
            if (through <= Recorded)
                return;
            Recorded = through;
            if (through == stepSaid)
                recordTimes.Enqueue(Stopwatch.GetElapsedTime(stepSaidAt).TotalMilliseconds);
        }
    }

    /// <summary>A new job begins with step 1.</summary>
    public void ForgetSteps()
    {
        lock (gate)
            (Recorded, stepSaid) = (0, 0);
    }

    /// <summary>Milliseconds from a report of a step to the word that it is recorded, since the last call.</summary>
    public IReadOnlyList<double> TakeRecordTimes()
    {
        List<double> taken = [];
        while (recordTimes.TryDequeue(out var time))
            taken.Add(time);
        return taken;
    }
}
