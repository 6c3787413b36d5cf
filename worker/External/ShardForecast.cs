namespace Coordinator.Worker.External;

/// <summary>
/// Which shards a device will probably be asked for next, so that a program can bring their samples beforehand. A guess from what it was
/// asked for: a rank computes the same shards step after step while its generation lasts. One that is wrong costs the loading of samples
/// that nobody wants, and decides nothing.
/// </summary>
/// <param name="most">Most shards that are told at a time.</param>
public sealed class ShardForecast(int most)
{
    private List<int> cycle = [];
    private List<int> current = [];
    private long step;

    /// <summary>Notes that a shard is asked for, and says what will probably follow, the next one first.</summary>
    public IReadOnlyList<(long Step, int Shard)> After(long asked, int shard)
    {
        if (asked != step)
        {
            if (current.Count > 0)
                (cycle, current) = (current, []);
            step = asked;
        }

        current.Remove(shard);
        current.Add(shard);
        var at = cycle.IndexOf(shard);
        var next = at < 0 ? current : cycle;
        List<(long, int)> coming =
        [
            .. cycle.Skip(at + 1).Where(_ => at >= 0).Where(other => !current.Contains(other)).Select(other => (asked, other)).Take(most),
        ];
        for (var later = asked + 1; coming.Count < most; later++)
            coming.AddRange(next.Take(most - coming.Count).Select(other => (later, other)));
        return coming;
    }
}
