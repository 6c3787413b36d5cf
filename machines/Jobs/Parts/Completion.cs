namespace Coordinator.Machines.Jobs.Parts;

/// <summary>
/// What the end of a job takes: every member's word that it has applied the last step, all with one hash of the state, and the model
/// stored. Members' words count for the generation in force; a model that was stored stays so.
/// </summary>
internal sealed class Completion
{
    private readonly SortedDictionary<GpuId, string> hashes = [];

    /// <summary>The model that was stored; null: none yet.</summary>
    public ModelStored? Model { get; private set; }

    /// <summary>Parameters of the final state that are infinite or no number, as a member has found.</summary>
    public long Nonfinite { get; private set; }

    /// <summary>Members that have finished.</summary>
    public int Count => hashes.Count;

    /// <summary>The hashes, for people.</summary>
    public string Description => string.Join(", ", hashes.Select(pair => $"{pair.Key} {pair.Value[..12]}"));

    /// <summary>Whether a member has finished.</summary>
    public bool Has(GpuId gpu) => hashes.ContainsKey(gpu);

    /// <summary>A member has finished. False where its state differs from another's: then some device has computed wrongly.</summary>
    public bool Add(GpuId gpu, string stateSha256, long nonfinite = 0)
    {
        hashes[gpu] = stateSha256;
        Nonfinite = Math.Max(Nonfinite, nonfinite);
        return hashes.Values.First() == stateSha256;
    }

    /// <summary>The model was stored.</summary>
    public void Store(ModelStored stored) => Model = stored;

    /// <summary>Another generation is in force, whose members have yet to finish.</summary>
    public void ForgetMembers()
    {
        hashes.Clear();
        Nonfinite = 0;
    }

    /// <summary>The job has more steps: this was not its end.</summary>
    public void Clear()
    {
        ForgetMembers();
        Model = null;
    }
}
