namespace Coordinator.Machines.Ledger;

/// <summary>Adds rank-seconds to causes. What is added is all that there is, so the sum is the total by construction.</summary>
internal sealed class Account
{
    private readonly Dictionary<string, double> byCause = [];

    /// <summary>Seconds in which the job computed what counts, or a gang's processes ran, whatever the number of ranks.</summary>
    public double UsefulSeconds { get; private set; }

    /// <summary>All rank-seconds.</summary>
    public double Total => byCause.Values.Sum();

    /// <summary>Rank-seconds of a cause.</summary>
    public double Of(string cause) => byCause.GetValueOrDefault(cause);

    /// <summary>So many ranks for so many seconds went to a cause.</summary>
    public void Add(string cause, double ranks, double seconds)
    {
        if (ranks <= 0 || seconds <= 0)
            return;
        byCause[cause] = Of(cause) + (ranks * seconds);
        if (cause is LedgerCause.Productive or LedgerCause.Running)
            UsefulSeconds += seconds;
    }

    /// <summary>The entries, most first.</summary>
    public IReadOnlyList<LedgerEntry> Entries
    {
        get
        {
            var total = Total;
            return
            [
                .. LedgerCause.All.Select(cause => new LedgerEntry(cause, Of(cause), total > 0 ? Of(cause) / total : 0))
                    .Where(entry => entry.RankSeconds > 0).OrderByDescending(entry => entry.RankSeconds),
            ];
        }
    }
}
