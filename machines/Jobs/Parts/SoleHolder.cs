namespace Coordinator.Machines.Jobs.Parts;

/// <summary>
/// Whether one rank alone holds the state of a job that is to have several: then one more failure costs what was computed since the newest
/// checkpoint, so people hear of it, and the job asks for a second holder before anything else is given out. Not durable: who holds the
/// state is seen from the members, and only the word that was said of it would be said twice.
/// </summary>
internal sealed class SoleHolder(JobContext context)
{
    private GpuId? known;

    /// <summary>The rank that holds it alone; null: several do, or nobody, or the job is to have one rank only.</summary>
    public GpuId? Gpu => !context.IsOver && known is { } gpu && context.MemberOf(gpu) is not null ? gpu : null;

    /// <summary>For people, to be added to why a job is in its phase; empty: nothing.</summary>
    public string Text => Gpu is { } gpu ? $"; only {gpu} holds the state" : "";

    /// <summary>The job was loaded: what is so has been said.</summary>
    public void Activate() => known = context.State is { Planned: true } or { HeldByMembers: true } ? Only : null;

    /// <summary>All members hold the state. True where it is news that it is one alone, or no longer.</summary>
    public bool Note()
    {
        var before = known;
        known = Only;
        if (before is null && known is { } gpu)
        {
            context.Observe(
                EventKinds.StateOneHolder,
                $"only {gpu} holds the state: if it fails, {WhatIsLost}; a second holder comes before anything else",
                gpu: gpu, node: gpu.Node);
        }
        else if (known is null && before is { } alone)
        {
            context.Observe(
                EventKinds.StateHeldAgain,
                $"{Counted.Of(context.State.Members.Count, "rank")} hold the state, and no longer {alone} alone");
        }

        return (known is null) != (before is null);
    }

    private GpuId? Only => context.State is { Spec.Ranks: > 1, Members: [var member] } ? member.Gpu : null;

    private string WhatIsLost => context.State.Checkpoints is [.., var newest]
        ? $"the job goes back to the checkpoint of step {newest.Id.Step}" : "the job has no checkpoint to go back to";
}
