namespace Coordinator.Machines.Jobs;

/// <content>Sending ranks home. A release is repeated until the worker has obeyed it, since a rank that does not hear it would train on.</content>
public sealed partial class TrainingJobMachine
{
    private static readonly TimeSpan FirstReleasePeriod = TimeSpan.FromMilliseconds(300);
    private static readonly TimeSpan LongestReleasePeriod = TimeSpan.FromSeconds(5);

    /// <summary>A node that has not answered for so long is gone, or will be released when it reports.</summary>
    private static readonly TimeSpan GiveUpAfter = TimeSpan.FromMinutes(2);

    private readonly SortedDictionary<GpuId, PendingRelease> releasing = [];

    /// <summary>Gpus that were excluded and have not answered their release since.</summary>
    private readonly SortedSet<GpuId> unheard = [];

    /// <summary>Releases that are to be repeated, at the earliest; null where nobody could hear one anyway.</summary>
    private TimeSpan? NextRelease => releasing.Where(pair => IsAudible(pair.Key)).Select(pair => (TimeSpan?)pair.Value.At).Min();

    private sealed record PendingRelease(string Reason, TimeSpan Since, TimeSpan At, TimeSpan Period);

    private void BeginRelease(GpuId gpu, string reason)
    {
        if (releasing.ContainsKey(gpu))
            return;
        stirred = true;
        releasing[gpu] = new PendingRelease(reason, now, now + FirstReleasePeriod, FirstReleasePeriod);
        SendRelease(gpu, reason);
    }

    private void RepeatReleases()
    {
        foreach (var (gpu, release) in releasing.Where(pair => now >= pair.Value.At && IsAudible(pair.Key)).ToArray())
        {
            if (release.Since + GiveUpAfter <= now)
            {
                releasing.Remove(gpu);
                unheard.Remove(gpu);
                continue;
            }

            var period = release.Period * 2 < LongestReleasePeriod ? release.Period * 2 : LongestReleasePeriod;
            releasing[gpu] = release with { At = now + period, Period = period };
            SendRelease(gpu, release.Reason);
        }
    }

    /// <summary>A node whose connection is known to be down is not called; when it comes back it is.</summary>
    private bool IsAudible(GpuId gpu) => !links.TryGetValue(gpu.Node, out var link) || link.Connected;

    private void OnReleased(RankReleased released)
    {
        if (released.Generation < state!.Generation && !IsOver && MemberOf(released.Gpu) is not null)
            return;
        releasing.Remove(released.Gpu);
        stirred |= unheard.Remove(released.Gpu);
    }

    private void SendRelease(GpuId gpu, string reason) => outputs.Send(GrainAddress.Of(gpu.Node), new NodeOrders(id, state!.Incarnation, null,
    [
        new ReleaseRank { Job = id, Incarnation = state.Incarnation, Timeline = state.Timeline, Generation = state.Generation, Gpu = gpu, Reason = reason, Forget = MayForget(gpu) },
    ]));
}
