using Coordinator.Machines;

namespace Coordinator.Worker.Agent;

/// <summary>
/// Refuses what is older than something already obeyed: an incarnation lower than any seen of the job, or, for one gpu,
/// a lower (incarnation, generation), or an equal one after a release. It outlives the ranks, since old orders may come after a job has
/// ended.
/// </summary>
public sealed class OrderFence
{
    private readonly Dictionary<JobId, long> incarnations = [];
    private readonly Dictionary<(JobId, GpuId), (long Incarnation, long Generation, bool Released)> obeyed = [];

    /// <summary>Why an order is refused; null where it may be obeyed.</summary>
    public string? WhyRefused(RankOrder order)
    {
        if (WhyRefused(order.Job, order.Incarnation) is { } reason)
            return reason;
        if (!obeyed.TryGetValue((order.Job, order.Gpu), out var last))
            return null;
        var age = (order.Incarnation, order.Generation).CompareTo((last.Incarnation, last.Generation));
        return age < 0 || (age == 0 && last.Released && order is not ReleaseRank)
            ? $"incarnation {order.Incarnation}, generation {order.Generation} came after "
                + $"{(last.Released ? "the release of " : "")}incarnation {last.Incarnation}, generation {last.Generation}"
            : null;
    }

    /// <summary>Why anything of a job's incarnation is refused; null where it is not.</summary>
    public string? WhyRefused(JobId job, long incarnation) => incarnations.TryGetValue(job, out var highest) && incarnation < highest
        ? $"incarnation {incarnation} came after incarnation {highest}"
        : null;

    /// <summary>Something of the job's incarnation is heeded.</summary>
    public void Heed(JobId job, long incarnation) => incarnations[job] = Math.Max(incarnation, incarnations.GetValueOrDefault(job));

    /// <summary>An order is obeyed.</summary>
    public void Obey(RankOrder order)
    {
        Heed(order.Job, order.Incarnation);
        obeyed[(order.Job, order.Gpu)] = (order.Incarnation, order.Generation, order is ReleaseRank);
    }
}
