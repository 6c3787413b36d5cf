namespace Coordinator.Machines.Ledger;

/// <summary>
/// Ranks that the job wants and trains without, each with the cause for which it left. Whoever comes takes the place of the one that
/// has been missed for longest, unless the same gpu came back. A rank that failed is waited for like any gpu:
/// <see cref="LedgerCause.Capacity"/>.
/// </summary>
internal sealed class MissingRanks
{
    private readonly List<(GpuId? Gpu, string Cause)> missing = [];

    /// <summary>What is missed, with the number of ranks for each cause.</summary>
    public IEnumerable<(string Cause, int Ranks)> ByCause =>
        missing.GroupBy(one => one.Cause, (cause, ranks) => (cause, ranks.Count()));

    /// <summary>A gpu has left, or was left out.</summary>
    public void Leave(GpuId? gpu, string cause)
    {
        if (gpu is not null)
            missing.RemoveAll(one => one.Gpu == gpu);
        missing.Add((gpu, cause));
    }

    /// <summary>A gpu has come.</summary>
    public void Come(GpuId? gpu)
    {
        if (missing.Count > 0)
            missing.RemoveAt(Math.Max(0, missing.FindIndex(one => one.Gpu == gpu)));
    }

    /// <summary>So many are missing, whatever was said.</summary>
    public void Settle(int count)
    {
        while (missing.Count > Math.Max(0, count))
            missing.RemoveAt(0);
        while (missing.Count < count)
            missing.Add((null, LedgerCause.Capacity));
    }
}
