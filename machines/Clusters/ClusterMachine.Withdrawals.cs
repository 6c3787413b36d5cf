namespace Coordinator.Machines.Clusters;

/// <content>
/// What was taken back from a job that did not use it: an offer of it may still be under way, upon which the job would. So nobody is told
/// that a gpu is drained before each job that it was offered to has said that an offer has come to it in which it is drained, or missing:
/// from then on the job takes no earlier one (<see cref="GpusOffered.For"/>). Durable with what was taken back.
/// </content>
public sealed partial class ClusterMachine
{
    private void LoadWithdrawn(ClusterState state)
    {
        // Of offers that were made before the load none is newer than those that are made from now on.
        foreach (var (job, gpu) in state.Withdrawn ?? [])
        {
            if (allocations.TryGetValue(job, out var allocation))
                allocation.Withdrawn[gpu] = 0;
        }
    }

    private WithdrawnGpu[]? StoredWithdrawn()
    {
        WithdrawnGpu[] all = [.. allocations.SelectMany(pair => pair.Value.Withdrawn.Keys.Select(gpu => new WithdrawnGpu(pair.Key, gpu)))];
        return all.Length == 0 ? null : all;
    }

    /// <summary>A gpu is taken back; the last offer in which it may be one to use is that before its drain, or else the newest.</summary>
    private void NoteWithdrawn(Allocation allocation, GpuId gpu)
    {
        var last = drains.LastOfferBefore(gpu) ?? sequence;
        if (!HasHeard(allocation, last))
            allocation.Withdrawn[gpu] = last;
    }

    /// <summary>A job says which offer is the newest that has come to it.</summary>
    private void NoteHeard(Allocation allocation, OfferNumber? heard)
    {
        allocation.Heard = heard;
        if (allocation.Withdrawn.Count == 0)
            return;
        foreach (var gpu in allocation.Withdrawn.Where(pair => HasHeard(allocation, pair.Value)).Select(pair => pair.Key).ToArray())
            allocation.Withdrawn.Remove(gpu);
    }

    /// <summary>Whether a later offer than this one has come to the job; one of an older make does not say.</summary>
    private bool HasHeard(Allocation allocation, long last) => allocation.JobSequence >= 0
        && (allocation.Heard is not { } heard || (heard.Incarnation == incarnation && heard.Sequence > last));

    /// <summary>Whether a job may still take something in that is drained, since it may not have heard of that.</summary>
    private bool IsAwaited(Drain drain) =>
        allocations.Values.Any(allocation => allocation.Withdrawn.Count > 0 && allocation.Withdrawn.Keys.Any(drain.Covers));

    /// <summary>Whether somebody waits for the job's word that it has heard.</summary>
    private bool IsAwaited(Allocation allocation) =>
        allocation.Withdrawn.Count > 0 && allocation.Withdrawn.Keys.Any(gpu => drains.Of(gpu) is { Done: false });
}
