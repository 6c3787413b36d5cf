namespace Coordinator.Machines.Clusters;

/// <content>
/// The record of the gpus that are not plainly healthy. A gpu is the authority on itself, and repeats what it says until it is durable
/// here; so the record is behind only for a moment, and then the gpu itself refuses what it should not be given. What the record is for: a
/// healthy gpu's grain is not loaded when its node comes, and one that has something to wait for is.
/// </content>
public sealed partial class ClusterMachine
{
    /// <summary>
    /// Reports are gathered for so long before they are written: the state is as long as the jobs are wide, and faults come in bursts.
    /// </summary>
    private static readonly TimeSpan RecordPause = TimeSpan.FromMilliseconds(100);

    private readonly SortedDictionary<GpuId, WatchedGpu> watched = [];

    /// <summary>Newest report of each gpu that has reported: an older one that comes late is passed over.</summary>
    private readonly Dictionary<GpuId, (long Incarnation, long Number)> heard = [];

    /// <summary>Gpus whose last report is not acknowledged, for it is not durable yet.</summary>
    private readonly SortedSet<GpuId> unacknowledged = [];

    private TimeSpan? recordAt;

    private void LoadWatched(ClusterState state)
    {
        foreach (var gpu in state.Watched)
        {
            watched[gpu.Gpu] = gpu;
            heard[gpu.Gpu] = (gpu.Incarnation, gpu.Number);
            inventory.SetSchedulable(gpu.Gpu, gpu.Schedulable);
        }
    }

    private void OnCondition(GpuConditionReported report)
    {
        // A gpu of an older silo counts nothing, and waits for no answer.
        var version = (report.Incarnation, report.Number);
        var isCounted = report.Incarnation > 0;
        if (isCounted && heard.TryGetValue(report.Gpu, out var newest) && version.CompareTo(newest) < 0)
            return;
        heard[report.Gpu] = version;
        var known = watched.GetValueOrDefault(report.Gpu);
        var next = report.Watched || !report.Schedulable ? new WatchedGpu(
            report.Gpu, report.Schedulable, report.Incarnation, report.Number) : null;
        if (next is null)
            watched.Remove(report.Gpu);
        else
            watched[report.Gpu] = next;
        if (known?.Schedulable != next?.Schedulable)
            recordAt ??= now + RecordPause;
        if (isCounted)
            unacknowledged.Add(report.Gpu);
        if (recordAt is null)
            TakeConditions();
        if (known is null && next is not null && inventory.Find(report.Gpu.Node) is { } node)
            TakeReport(node);
        inventory.SetSchedulable(report.Gpu, report.Schedulable);
        Settle(outputs, inventory.OwnerOf(report.Gpu) is { } owner ? [owner] : []);
    }

    /// <summary>All that was reported is durable, or about to be by a write that was asked for before.</summary>
    private void TakeConditions()
    {
        recordAt = null;
        foreach (var gpu in unacknowledged)
            outputs.Send(GrainAddress.Of(gpu), new GpuConditionTaken(heard[gpu].Incarnation, heard[gpu].Number));
        unacknowledged.Clear();
    }

    private int[]? WatchedOf(NodeReported report)
    {
        if (watched.Count == 0)
            return null;
        int[] indexes = [.. report.Gpus.Select(gpu => gpu.Index).Where(index => watched.ContainsKey(new GpuId(report.Node, index)))];
        return indexes.Length == 0 ? null : indexes;
    }
}
