namespace Coordinator.Machines.Jobs.Parts;

/// <summary>
/// Sending ranks home. A release is repeated until the worker has obeyed it, since a rank that does not hear it would train on; one to a
/// node that cannot hear waits until it can.
/// </summary>
/// <param name="context">The job.</param>
/// <param name="links">Which nodes can hear.</param>
/// <param name="mayForget">Whether a gpu's worker is told that the state is of no more use; asked whenever the release is sent.</param>
internal sealed class Releases(JobContext context, NodeLinks links, Func<GpuId, bool> mayForget)
{
    private static readonly TimeSpan FirstPeriod = TimeSpan.FromMilliseconds(300);
    private static readonly TimeSpan LongestPeriod = TimeSpan.FromSeconds(5);

    /// <summary>A node that has not answered for so long is gone, or will be released when it reports.</summary>
    private static readonly TimeSpan GiveUpAfter = TimeSpan.FromMinutes(2);

    private readonly SortedDictionary<GpuId, PendingRelease> pending = [];

    /// <summary>Gpus that were excluded and have not answered their release since.</summary>
    private readonly SortedSet<GpuId> unheard = [];

    private sealed record PendingRelease(string Reason, TimeSpan Since, TimeSpan At, TimeSpan Period);

    /// <summary>Releases that are to be repeated, at the earliest; null where nobody could hear one anyway.</summary>
    public TimeSpan? Next => pending.Where(pair => links.MayHear(pair.Key.Node)).Select(pair => (TimeSpan?)pair.Value.At).Min();

    /// <summary>Whether a gpu that was excluded has answered its release, or none is waited for.</summary>
    public bool IsHeard(GpuId gpu) => !unheard.Contains(gpu);

    /// <summary>Whether a gpu has yet to obey one.</summary>
    public bool IsPending(GpuId gpu) => pending.ContainsKey(gpu);

    /// <summary>Whether a node has yet to obey one.</summary>
    public bool IsPendingOn(NodeId node) => pending.Keys.Any(gpu => gpu.Node == node);

    /// <summary>The gpu was excluded: it counts as unheard until it answers.</summary>
    public void Await(GpuId gpu) => unheard.Add(gpu);

    /// <summary>Releases a gpu, unless that is under way.</summary>
    public void Begin(GpuId gpu, string reason)
    {
        if (pending.ContainsKey(gpu))
            return;
        context.MarkDirty();
        pending[gpu] = new PendingRelease(reason, context.Now, context.Now + FirstPeriod, FirstPeriod);
        Send(gpu, reason);
    }

    /// <summary>The release is not repeated any more: it was obeyed, or the gpu is wanted again, or another is to follow.</summary>
    public void End(GpuId gpu) => pending.Remove(gpu);

    /// <summary>The gpu was heard. True where it had not been since it was excluded.</summary>
    public bool NoteHeard(GpuId gpu) => unheard.Remove(gpu);

    /// <summary>Repeats what is due.</summary>
    public void Repeat()
    {
        foreach (var (gpu, release) in pending.Where(pair => context.Now >= pair.Value.At && links.MayHear(pair.Key.Node)).ToArray())
        {
            if (release.Since + GiveUpAfter <= context.Now)
            {
                pending.Remove(gpu);
                unheard.Remove(gpu);
                continue;
            }

            var period = release.Period * 2 < LongestPeriod ? release.Period * 2 : LongestPeriod;
            pending[gpu] = release with { At = context.Now + period, Period = period };
            Send(gpu, release.Reason);
        }
    }

    private void Send(GpuId gpu, string reason)
    {
        var state = context.State;
        context.Send(GrainAddress.Of(gpu.Node), new NodeOrders(context.Id, state.Incarnation, null,
        [
            new ReleaseRank
            {
                Job = context.Id,
                Incarnation = state.Incarnation,
                Timeline = state.Timeline,
                Generation = state.Generation,
                Gpu = gpu,
                Reason = reason,
                Forget = mayForget(gpu),
            },
        ]));
    }
}
