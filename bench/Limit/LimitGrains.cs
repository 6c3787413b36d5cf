using Orleans;
using Orleans.Concurrency;
using Orleans.Placement;

namespace Coordinator.Bench.Limit;

/// <summary>A grain of the yardstick: no state, no storage, no machine.</summary>
internal interface ILimitGrain : IGrainWithStringKey
{
    /// <summary>One way: whoever says it hears nothing.</summary>
    [OneWay]
    Task Tell(LimitWord word);

    /// <summary>Acknowledged when the turn has ended; what waited goes in one call.</summary>
    Task Take([Immutable] LimitWord[] words);
}

/// <summary>A node of the yardstick.</summary>
internal interface ILimitNode : ILimitGrain;

/// <summary>A gpu of the yardstick.</summary>
internal interface ILimitGpu : ILimitGrain;

/// <summary>The job of the yardstick.</summary>
internal interface ILimitJob : ILimitGrain;

/// <summary>What the three have in common: a word is a turn, and what it leads to leaves by the road that is measured.</summary>
internal abstract class LimitGrain(LimitRoad road) : Grain, ILimitGrain
{
    protected LimitRoad Road => road;

    protected string Key => this.GetPrimaryKeyString();

    public Task Tell(LimitWord word)
    {
        Handle(word);
        return Task.CompletedTask;
    }

    public Task Take(LimitWord[] words)
    {
        foreach (var word in words)
            Handle(word);
        return Task.CompletedTask;
    }

    protected abstract void Handle(LimitWord word);
}

/// <summary>Passes a job's orders on to its first gpu, and answers them.</summary>
[PreferLocalPlacement]
internal sealed class LimitNode(LimitRoad road) : LimitGrain(road), ILimitNode
{
    protected override void Handle(LimitWord word)
    {
        switch (word.Kind)
        {
            case LimitKind.Connect:
                for (var gpu = 0; gpu < Road.GpusPerNode; gpu++)
                    Road.ToGpu($"{Key}/{gpu}", word with { Kind = LimitKind.Attach });
                break;
            case LimitKind.Prepare:
                Road.ToGpu($"{Key}/0", word with { Kind = LimitKind.Order });
                Road.ToJob(word with { Kind = LimitKind.Answer });
                break;
            case LimitKind.Plan:
                Road.ToGpu($"{Key}/0", word with { Kind = LimitKind.Order });
                Road.ToJob(word with { Kind = LimitKind.Advance });
                break;
        }
    }
}

/// <summary>Hears what it is told.</summary>
[PreferLocalPlacement]
internal sealed class LimitGpu(LimitRoad road) : LimitGrain(road), ILimitGpu
{
    protected override void Handle(LimitWord word)
    {
        if (word.Kind == LimitKind.Attach)
            Road.Count.Add();
    }
}

/// <summary>Asks all nodes, hands out plans when all have answered, and is done when all have advanced.</summary>
internal sealed class LimitJob(LimitRoad road) : LimitGrain(road), ILimitJob
{
    private LimitMembers members = new(0, []);
    private int answers;

    protected override void Handle(LimitWord word)
    {
        switch (word.Kind)
        {
            case LimitKind.Form:
                (members, answers) = (word.Members, 0);
                foreach (var node in members.Names)
                    Road.ToNode(node, word with { Kind = LimitKind.Prepare });
                break;
            case LimitKind.Answer when word.Members.Generation == members.Generation && ++answers == members.Names.Length:
                foreach (var node in members.Names)
                    Road.ToNode(node, word with { Kind = LimitKind.Plan });
                break;
            case LimitKind.Advance when word.Members.Generation == members.Generation:
                Road.Count.Add();
                break;
        }
    }
}
