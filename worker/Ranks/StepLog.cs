using Coordinator.Machines;

namespace Coordinator.Worker.Ranks;

/// <summary>
/// Records of the steps that a rank applied, consecutive, of one timeline, kept until the coordinator has them: any rank may become
/// the one that reports. Holds at most <see cref="Capacity"/>; beyond, the oldest go.
/// </summary>
public sealed class StepLog
{
    /// <summary>Most records kept.</summary>
    public const int Capacity = 262_144;

    private readonly Queue<StepRecord> records = [];
    private long last;

    /// <summary>Timeline of the records.</summary>
    public int Timeline { get; private set; }

    /// <summary>Steps up to here are recorded by the coordinator.</summary>
    public long Recorded { get; private set; }

    /// <summary>Records kept.</summary>
    public int Count => records.Count;

    /// <summary>The last step noted; 0 where there is none.</summary>
    public long Last => records.Count == 0 ? 0 : last;

    /// <summary>The first step noted and not recorded yet; 0 where there is none.</summary>
    public long First => records.Count == 0 ? 0 : last - records.Count + 1;

    /// <summary>Goes over to a newer timeline: what is known of an older one is worth nothing.</summary>
    public void Enter(int timeline)
    {
        if (timeline <= Timeline)
            return;
        Timeline = timeline;
        Recorded = 0;
        records.Clear();
    }

    /// <summary>
    /// Notes an applied step. A step that does not follow the last begins the log anew: the rank has fetched the state between.
    /// </summary>
    public void Add(StepRecord record)
    {
        if (record.Step <= Recorded)
            return;
        if (records.Count > 0 && record.Step != last + 1)
            records.Clear();
        if (records.Count == Capacity)
            records.Dequeue();
        records.Enqueue(record);
        last = record.Step;
    }

    /// <summary>The coordinator has the timeline's steps up to <paramref name="through"/>.</summary>
    public void Take(int timeline, long through)
    {
        if (timeline != Timeline || through <= Recorded)
            return;
        Recorded = through;
        while (records.TryPeek(out var oldest) && oldest.Step <= through)
            records.Dequeue();
    }

    /// <summary>The oldest records, at most <paramref name="most"/> and none after <paramref name="through"/>.</summary>
    public IReadOnlyList<StepRecord> Oldest(int most, long through = long.MaxValue) =>
        [.. records.Take(most).TakeWhile(record => record.Step <= through)];
}
