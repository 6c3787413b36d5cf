namespace Coordinator.Machines.Jobs.Policies;

/// <summary>
/// Where the blocks of one step's reduced gradient can be had: for each the lowest rank that holds it. Made once for all members that lack
/// some.
/// </summary>
internal sealed class ReducedSources
{
    private const int Nobody = -1;
    private const int Own = int.MaxValue;

    private readonly long step;
    private readonly int[] source;

    /// <param name="holders">Answers of members that hold a state of the timeline.</param>
    /// <param name="states">All answers, in rank order.</param>
    /// <param name="step">The step.</param>
    public ReducedSources(IEnumerable<RankState> holders, IReadOnlyList<RankState> states, long step)
    {
        this.step = step;
        source = new int[states.Max(state => state.Reduced.Count == 0 ? 0 : state.Reduced[^1].Start + state.Reduced[^1].Count)];
        Array.Fill(source, Nobody);
        var holding = holders.ToHashSet(ReferenceEqualityComparer.Instance);
        for (var rank = states.Count - 1; rank >= 0; rank--)
        {
            if (holding.Contains(states[rank]))
                Fill(source, states[rank], rank);
        }
    }

    /// <summary>Runs of the blocks that a member lacks, with whom to fetch them from; null where one is nowhere.</summary>
    public List<DonorRun>? MissingOf(RankState state)
    {
        var mine = (int[])source.Clone();
        Fill(mine, state, Own);
        if (mine.Length == 0 || Array.Exists(mine, rank => rank == Nobody))
            return null;
        var runs = new List<DonorRun>();
        for (var block = 0; block < mine.Length; block++)
        {
            if (mine[block] == Own)
                continue;
            if (runs.Count > 0 && runs[^1].Rank == mine[block] && runs[^1].Start + runs[^1].Count == block)
                runs[^1] = runs[^1] with { Count = runs[^1].Count + 1 };
            else
                runs.Add(new DonorRun(mine[block], block, 1));
        }

        return runs;
    }

    private void Fill(int[] source, RankState state, int rank)
    {
        foreach (var run in state.Reduced.Where(run => run.Step == step))
            Array.Fill(source, rank, run.Start, run.Count);
    }
}
