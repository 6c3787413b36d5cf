namespace Coordinator.Planning.Simulation;

/// <summary>
/// What generations of a cluster cost: the shipping machines form some of each sort (so many ranks lost, so many come, in a job of so
/// many), and others of the sort take as long. For what would take hours if each of thousands of generations were formed: many clusters
/// beside each other, a million accelerators.
/// </summary>
public sealed class GenerationTable
{
    private static readonly double[] Progress = [0.2, 0.5, 0.8];

    private readonly SortedDictionary<int, Sorts> bySize = [];

    private GenerationTable()
    {
    }

    /// <summary>Generations that were formed to fill it.</summary>
    public int Formed { get; private set; }

    /// <summary>Costs of a job of one size.</summary>
    /// <param name="StartSeconds">Of the first generation.</param>
    /// <param name="Lost">By ranks that are lost at once, ascending.</param>
    /// <param name="Come">By ranks that come at once, ascending.</param>
    private sealed record Sorts(double StartSeconds, IReadOnlyList<Cost> Lost, IReadOnlyList<Cost> Come);

    /// <summary>Means of a sort.</summary>
    /// <param name="Ranks">That are lost, or come.</param>
    /// <param name="Seconds">Until the last rank has its plan.</param>
    /// <param name="Extra">Shards that the busiest rank has in the interrupted step beyond those of a whole one.</param>
    internal readonly record struct Cost(int Ranks, double Seconds, double Extra);

    /// <summary>Lets the machines fill a table for a cluster: for the ranks it has at the start and those that it has in the end.</summary>
    public static GenerationTable Of(FleetSpec fleet)
    {
        var table = new GenerationTable();
        var sizes = FleetSize.Of(fleet);
        foreach (var size in new[] { sizes[0].Powered, sizes[^1].Powered }.Distinct())
            table.bySize.Add(size, table.Fill(fleet, size));
        return table;
    }

    /// <summary>Seconds of the first generation of so many ranks.</summary>
    internal double Start(int ranks) => Between(ranks, sorts => sorts.StartSeconds);

    /// <summary>Cost of the generation that so many ranks of a job do not see.</summary>
    internal Cost Lose(int ranks, int lost) =>
        new(lost, Between(ranks, sorts => At(sorts.Lost, lost).Seconds), Between(ranks, sorts => At(sorts.Lost, lost).Extra));

    /// <summary>Cost of the generation in which so many come.</summary>
    internal Cost Come(int ranks, int come) =>
        new(come, Between(ranks, sorts => At(sorts.Come, come).Seconds), Between(ranks, sorts => At(sorts.Come, come).Extra));

    private Sorts Fill(FleetSpec fleet, int ranks)
    {
        var job = new MachineJob(fleet, ranks);
        var start = job.Start().Seconds;
        List<Cost> lost = [], come = [];
        var (at, first) = (start + 1000, 0);
        for (var together = 1; together == 1 || together <= ranks / 3; together *= 4)
        {
            double lostSeconds = 0, comeSeconds = 0, lostExtra = 0, comeExtra = 0;
            foreach (var done in Progress)
            {
                // Others each time, so that nobody is suspected for failing often.
                int[] gone = [.. Enumerable.Range(first, together).Select(rank => rank % ranks)];
                first += together;
                var loss = job.Lose(at += 1000, gone, done);
                lostSeconds += loss.Seconds;
                lostExtra += loss.BusiestShards + Computed(fleet, ranks, done) - Busiest(fleet, ranks);
                var back = job.Return(at += 1000, gone, done);
                comeSeconds += back.Seconds;
                comeExtra += back.BusiestShards + Computed(fleet, ranks - together, done) - Busiest(fleet, ranks - together);
            }

            lost.Add(new Cost(together, lostSeconds / Progress.Length, lostExtra / Progress.Length));
            come.Add(new Cost(together, comeSeconds / Progress.Length, comeExtra / Progress.Length));
        }

        Formed += job.Count;
        return new Sorts(start, lost, come);
    }

    /// <summary>Shards of the rank that has the most.</summary>
    internal static int Busiest(FleetSpec fleet, int ranks) => (fleet.Shards + ranks - 1) / ranks;

    /// <summary>Shards that it has computed when the step is so far.</summary>
    internal static int Computed(FleetSpec fleet, int ranks, double done) => (int)(done * Busiest(fleet, ranks));

    /// <summary>Along the line between the two sizes; in proportion beyond them.</summary>
    private double Between(int ranks, Func<Sorts, double> what)
    {
        var (least, most) = (bySize.First(), bySize.Last());
        if (least.Key == most.Key || ranks <= least.Key)
            return what(least.Value) * Math.Min(ranks, least.Key) / least.Key;
        return Line(ranks, least.Key, what(least.Value), most.Key, what(most.Value));
    }

    private static Cost At(IReadOnlyList<Cost> costs, int ranks)
    {
        var upper = 0;
        while (upper < costs.Count - 1 && costs[upper].Ranks < ranks)
            upper++;
        if (upper == 0)
            return costs[0];
        var (a, b) = (costs[upper - 1], costs[upper]);
        return new Cost(ranks, Line(ranks, a.Ranks, a.Seconds, b.Ranks, b.Seconds), Line(ranks, a.Ranks, a.Extra, b.Ranks, b.Extra));
    }

    private static double Line(double x, double x0, double y0, double x1, double y1) =>
        Math.Max(0, y0 + ((y1 - y0) * (x - x0) / (x1 - x0)));
}
