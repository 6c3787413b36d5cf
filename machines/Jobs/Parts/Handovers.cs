namespace Coordinator.Machines.Jobs.Parts;

/// <summary>
/// Drained gpus that have left, and are the job's until others are known to hold the state that was theirs: while the generation without
/// them has not run, a failure may leave them the only ones that have it, and then they are called back. So a drain takes effect, and
/// somebody may switch the machine off, only when nothing is lost by that. Durable with the generation that they left.
/// <para>
/// Once every member holds the state they are told to forget it, and are let go when they have, or cannot hear it any more.
/// </para>
/// </summary>
internal sealed class Handovers(JobContext context, NodeLinks links, Releases releases)
{
    private readonly SortedSet<GpuId> told = [];

    /// <summary>The gpus.</summary>
    public IReadOnlyList<GpuId> Gpus => context.State.HandingOver ?? [];

    /// <summary>Whether a gpu is one of them.</summary>
    public bool Has(GpuId gpu) => Gpus.Contains(gpu);

    /// <summary>Whether a gpu may still hold a state that nobody else has: it was not told to forget it.</summary>
    public bool MayBeCalled(GpuId gpu) => Has(gpu) && !told.Contains(gpu);

    /// <summary>Those that there will be with a generation: members that leave drained come, and who is called back goes.</summary>
    /// <returns>Null where there are none.</returns>
    public IReadOnlyList<GpuId>? After(IEnumerable<GpuId> leaving, IReadOnlyCollection<GpuId> members)
    {
        GpuId[] next = [.. Gpus.Concat(leaving).Where(gpu => !members.Contains(gpu)).Distinct().Order()];
        told.RemoveWhere(gpu => !next.Contains(gpu));
        return next.Length == 0 ? null : next;
    }

    /// <summary>Every member holds the state: whoever has left is told that it may forget it.</summary>
    public void TellAll(Func<GpuId, string?> reasonOf)
    {
        foreach (var gpu in Gpus.Where(told.Add))
        {
            releases.End(gpu);
            releases.Begin(gpu, reasonOf(gpu) ?? "drained");
        }
    }

    /// <summary>Whether a gpu that answers its release has still to hear that it may forget the state.</summary>
    public bool Awaits(RankReleased released) => told.Contains(released.Gpu) && !released.Forgot && Has(released.Gpu);

    /// <summary>Lets go of those that have forgotten the state, cannot hear, or do not answer. True where there were any.</summary>
    public bool LetGo()
    {
        if (context.State.HandingOver is null)
            return false;
        GpuId[] left = [.. Gpus.Where(gpu => !told.Contains(gpu) || (releases.IsPending(gpu) && links.MayHear(gpu.Node)))];
        if (left.Length == Gpus.Count)
            return false;
        context.Persist(context.State with { HandingOver = left.Length == 0 ? null : left });
        told.IntersectWith(left);
        return true;
    }

    /// <summary>
    /// Operators have given one back, and others hold the state: it is a gpu of the job's like any other. Before that it stays the job's
    /// own, since it may be drained again. True where there were any.
    /// </summary>
    public bool Keep(IReadOnlyDictionary<GpuId, GpuOffer> offers)
    {
        GpuId[] left = [.. Gpus.Where(gpu => !offers.TryGetValue(gpu, out var offer) || offer.Drained)];
        if (left.Length == Gpus.Count)
            return false;
        context.Persist(context.State with { HandingOver = left.Length == 0 ? null : left });
        told.IntersectWith(left);
        return true;
    }
}
