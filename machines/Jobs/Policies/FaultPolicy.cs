namespace Coordinator.Machines.Jobs;

/// <summary>A rank that could not go on.</summary>
/// <param name="Gpu">Its gpu.</param>
/// <param name="Boot">Its worker process.</param>
/// <param name="Generation">Generation in which it failed.</param>
/// <param name="Kind">Whose fault it is, as far as its worker could tell.</param>
/// <param name="Detail">What failed, for people.</param>
public sealed record RankFault(GpuId Gpu, long Boot, long Generation, FaultKind Kind, string Detail);

/// <summary>
/// Whose fault it is that ranks fail. A gpu is suspected only where others do what it could not, so nothing is decided against it before
/// the job comes a step farther; what fails on every device in the same way is the job's. A pure function.
/// </summary>
public static class FaultPolicy
{
    /// <summary>
    /// Generations in a row that must end by a fault, without a step between them, before the job is to blame: one may be an accident that
    /// struck several gpus at once, and the retry of one that its aftermath met.
    /// </summary>
    public const int Generations = 3;

    /// <summary>
    /// As many where steps of the job were recorded: that it can be computed is proved then, so accidents that follow each other are likelier
    /// than they are otherwise.
    /// </summary>
    public const int GenerationsOnceComputed = 2 * Generations;

    /// <summary>Nodes on which the same work must have failed where there are more gpus than were tried: three hosts are not broken alike.</summary>
    public const int Nodes = 3;

    /// <summary>Why the job itself is to blame; null: it is not, as far as anybody can tell yet.</summary>
    /// <param name="faults">Faults since the job last came a step farther, oldest first.</param>
    /// <param name="hasComputed">Whether any step of the job was ever recorded: then some device can compute it.</param>
    /// <param name="reachable">Gpus that the job has and could try.</param>
    public static string? WhyJobs(IReadOnlyList<RankFault> faults, bool hasComputed, IReadOnlyCollection<GpuId> reachable)
    {
        if (faults is not [.., var last])
            return null;
        if (last.Kind == FaultKind.Job && !hasComputed)
            return $"{last.Gpu} cannot compute it, nor can another of its class: {last.Detail}";
        var tried = faults.Select(fault => fault.Gpu).ToHashSet();
        var generations = faults.Select(fault => fault.Generation).Distinct().Count();
        var nodes = tried.Select(gpu => gpu.Node).Distinct().Count();
        if (generations < (hasComputed ? GenerationsOnceComputed : Generations) || (nodes < Nodes && !reachable.All(tried.Contains)))
            return null;
        var where = tried.Count == 1 ? $"{last.Gpu}, the only gpu there is for it" : $"{tried.Count} gpus ({string.Join(", ", tried.Order().Take(8))}{(tried.Count > 8 ? ", …" : "")})";
        return $"it failed in {generations} generations in a row on {where}{(hasComputed ? ", at the same step" : ", before the first step")}, so the job is to blame and no gpu: {last.Detail}";
    }

    /// <summary>Gpus that are to blame once the job has come a step farther: others could do what they could not, and they themselves have not done it since.</summary>
    /// <param name="faults">The faults that the step settles.</param>
    /// <param name="computing">Gpus that have computed the step.</param>
    public static IReadOnlyList<RankFault> Suspects(IReadOnlyList<RankFault> faults, IReadOnlyCollection<GpuId> computing) =>
    [
        .. faults.Where(fault => fault.Kind is FaultKind.Unknown or FaultKind.Device && !computing.Contains(fault.Gpu))
            .GroupBy(fault => fault.Gpu).Select(of => of.Last()),
    ];
}
