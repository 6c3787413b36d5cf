namespace Coordinator.Machines.Jobs.Parts;

/// <summary>
/// Parking: where the cluster wants all gpus of the job back, for want of power or cooling, one member stays and keeps the state, under a
/// promise and without a plan, so it computes nothing. The job goes on when the cluster lets it: with its minimum at once.
/// </summary>
internal sealed class Parking(JobContext context, GenerationRound round, Departures departures)
{
    /// <summary>It was parked when it was loaded: its member has promised to compute nothing, and may not have been heard since.</summary>
    private bool wasParked;

    /// <summary>Why the job is parked, or is about to be; null: it is not. Durable with the generation that follows.</summary>
    public string? Reason { get; private set; }

    /// <summary>Whether the job is parked, or is about to be.</summary>
    public bool IsWanted => Reason is not null;

    /// <summary>The member that keeps the state has promised to compute nothing.</summary>
    public bool IsParked => IsWanted && round.IsComplete && round.Answers.Any(answer => answer.HasState);

    /// <summary>
    /// What the cluster is told. Were a job that has just been loaded to say that it computes, another one might have to stop for that.
    /// </summary>
    public bool CountsAsParked => IsParked || (wasParked && IsWanted && !round.IsComplete);

    /// <summary>
    /// Every member holds the state: all have applied a step in the generation in force, or had done so in the one before when too few were
    /// left to go on. What processes beside them hold is then of no use.
    /// </summary>
    public bool IsStateHeld =>
        context.State.Phase == JobPhase.Active && (IsParked || (!round.IsOpen && (context.State.Planned || context.State.HeldByMembers)));

    /// <summary>The job was loaded.</summary>
    public void Activate()
    {
        Reason = context.State.ParkedFor;
        wasParked = IsWanted;
    }

    /// <summary>
    /// Parks the job where the cluster wants all of it back and gives nothing for it, once every member holds the state. True where that
    /// begins now.
    /// </summary>
    public bool Begin(int candidates)
    {
        if (IsWanted || candidates > 0 || !departures.IsAllWantedBack || !IsStateHeld)
            return false;
        (Reason, wasParked) = (departures.ReasonOf(context.State.Members[0].Gpu), false);
        return true;
    }

    /// <summary>
    /// Lets a parked job go on once the cluster wants nothing back, or gives others for what it wants back, and there are enough ranks. A
    /// job, or a cluster, that was loaded anew knows nothing of what the other has said: it stays parked until the cluster speaks of its
    /// member. True where it goes on from now.
    /// </summary>
    public bool End(int candidates, IReadOnlyDictionary<GpuId, GpuOffer> offers)
    {
        var members = context.State.Members;
        var isHeldBack = departures.IsAllWantedBack || members.All(member => !offers.ContainsKey(member.Gpu));
        if (!IsWanted || (isHeldBack && candidates == 0) || members.Count + candidates < context.State.Spec.MinRanks)
            return false;
        Reason = null;
        return true;
    }

    /// <summary>Nobody is left who could keep the state.</summary>
    public void GiveUp() => Reason = null;

    /// <summary>A job that had ended trains again.</summary>
    public void Clear() => (Reason, wasParked) = (null, false);
}
