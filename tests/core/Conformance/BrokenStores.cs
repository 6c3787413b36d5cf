using Coordinator.Engine;

namespace Coordinator.Tests.Conformance;

/// <summary>Says yes to every write, also where another writer's state stands and nothing was written.</summary>
internal sealed class YesStore(IEngineStore inner) : FaultStore(inner)
{
    public override CommitResult Commit(CommitBatch batch)
    {
        base.Commit(batch);
        return CommitResult.Committed;
    }
}

/// <summary>Acknowledges a batch before it is durable, which it is only with the next one.</summary>
internal sealed class EarlyStore(IEngineStore inner) : FaultStore(inner)
{
    private CommitBatch? late;

    public override bool Holds => false;

    public override CommitResult Commit(CommitBatch batch)
    {
        if (late is not null && !base.Holds)
            base.Commit(late);
        late = late is not null && base.Holds ? Join(late, batch) : batch;
        return CommitResult.Committed;
    }

    private static CommitBatch Join(CommitBatch first, CommitBatch second) => new(
        second.Number,
        [.. first.States.Where(state => second.States.All(other => other.Grain != state.Grain)), .. second.States],
        [.. first.Events, .. second.Events],
        [.. first.Steps, .. second.Steps]);
}

/// <summary>Takes a write that was not acknowledged for refused.</summary>
internal sealed class HastyStore(IEngineStore inner) : FaultStore(inner)
{
    public override CommitResult Commit(CommitBatch batch)
    {
        try
        {
            return base.Commit(batch);
        }
        catch (IOException)
        {
            return new CommitResult([.. batch.States.Select(state => state.Grain)]);
        }
    }
}

/// <summary>Does not see that a batch that comes again was committed before.</summary>
internal sealed class RepeatingStore(IEngineStore inner) : FaultStore(inner)
{
    private long number;

    public override CommitResult Commit(CommitBatch batch) => base.Commit(batch with { Number = ++number });
}

/// <summary>Stores what a refused turn observed.</summary>
internal sealed class TalkativeStore(IEngineStore inner) : FaultStore(inner)
{
    private long extra;

    public override CommitResult Commit(CommitBatch batch)
    {
        var result = base.Commit(batch with { Number = batch.Number + extra });
        if (result.Refused.Count > 0)
            base.Commit(batch with { Number = batch.Number + extra++, States = [] });
        return result;
    }
}

/// <summary>Gives up what storage did not take at once.</summary>
internal sealed class ImpatientStore(IEngineStore inner) : FaultStore(inner)
{
    public override CommitResult Commit(CommitBatch batch)
    {
        try
        {
            return base.Commit(batch);
        }
        catch (IOException)
        {
            return CommitResult.Committed;
        }
    }
}

/// <summary>Stores the states of a batch and forgets what was observed.</summary>
internal sealed class StateOnlyStore(IEngineStore inner) : FaultStore(inner)
{
    public override CommitResult Commit(CommitBatch batch) => base.Commit(batch with { Events = [], Steps = [] });
}
