using Coordinator.Conformance;
using Coordinator.Engine;
using Coordinator.Machines;

namespace Coordinator.Tests.Conformance;

/// <summary>
/// A store that fails as a transcript says. Held writes are held by the adapter, since a commit that does not return would block it.
/// </summary>
internal class FaultStore(IEngineStore inner) : IEngineStore
{
    public StorageMode Mode { get; set; }

    public WriteFault? Next { get; set; }

    /// <summary>Whether a commit would take no end now.</summary>
    public virtual bool Holds => Mode == StorageMode.Held;

    protected IEngineStore Inner => inner;

    public IReadOnlyList<GrainAddress> List() => inner.List();

    public virtual string? Load(GrainAddress address)
    {
        ThrowIfAway();
        return inner.Load(address);
    }

    public virtual CommitResult Commit(CommitBatch batch)
    {
        ThrowIfAway();
        var fault = Next;
        Next = null;
        if (fault == WriteFault.Fails)
            throw new IOException("the write failed");
        var result = inner.Commit(batch);
        return fault is null ? result : throw new IOException("the acknowledgement was lost");
    }

    private void ThrowIfAway()
    {
        if (Mode == StorageMode.Away)
            throw new IOException("away");
    }
}

/// <summary>What stands between the engine and a broken rule; a test takes one of them down.</summary>
internal sealed record EmbeddedFences
{
    public Func<IEngineStore, FaultStore> Store { get; init; } = inner => new FaultStore(inner);

    public Func<GrainAddress, string?, IMachine?> Machines { get; init; } = MachineFactory.Create;

    public Func<IWorkerLinks, IWorkerLinks> Links { get; init; } = links => links;
}
