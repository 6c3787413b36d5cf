namespace Coordinator.Planning.Simulation;

/// <summary>A job whose generations take as long as those that the shipping machines formed for a <see cref="GenerationTable"/>.</summary>
internal sealed class SampledJob(FleetSpec fleet, int present, GenerationTable table) : IGenerations
{
    private int ranks = present;

    public int Count { get; private set; }

    public FormedGeneration Start()
    {
        Count++;
        return new FormedGeneration(table.Start(ranks), ranks, GenerationTable.Busiest(fleet, ranks));
    }

    public FormedGeneration Lose(double at, IReadOnlyCollection<int> lost, double done)
    {
        var before = ranks;
        ranks -= lost.Count;
        return Form(before, table.Lose(before, lost.Count), done);
    }

    public FormedGeneration Return(double at, IReadOnlyCollection<int> come, double done)
    {
        var before = ranks;
        ranks += come.Count;
        return Form(before, table.Come(ranks, come.Count), done);
    }

    private FormedGeneration Form(int before, GenerationTable.Cost cost, double done)
    {
        Count++;
        var busiest = GenerationTable.Busiest(fleet, before) + cost.Extra - GenerationTable.Computed(fleet, before, done);
        return new FormedGeneration(cost.Seconds, ranks, Math.Max(0, (int)Math.Round(busiest)));
    }
}
