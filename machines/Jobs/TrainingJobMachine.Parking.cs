namespace Coordinator.Machines.Jobs;

/// <content>
/// Parking: where the cluster wants all gpus of the job back, for want of power or cooling, one member stays and keeps the state, under a
/// promise and without a plan, so it computes nothing. The job goes on when the cluster lets it: with its minimum at once.
/// </content>
public sealed partial class TrainingJobMachine
{
    /// <summary>Why the job is parked, or is about to be; null: it is not. Durable with the generation that follows.</summary>
    private string? parkedFor;

    /// <summary>It was parked when it was loaded: its member has promised to compute nothing, and may not have been heard since.</summary>
    private bool wasParked;

    /// <summary>The member that keeps the state has promised to compute nothing.</summary>
    private bool IsParked => parkedFor is not null && forming is not null && forming.Count == state!.Members.Count && forming.Values.Any(answer => answer.HasState);

    /// <summary>What the cluster is told. Were a job that has just been loaded to say that it computes, another one might have to stop for that.</summary>
    private bool CountsAsParked => IsParked || (wasParked && parkedFor is not null && !(forming?.Count == state!.Members.Count));

    /// <summary>Whether the cluster wants back every member that the job has.</summary>
    private bool IsToPark => state!.Members.Count > 0 && state.Members.All(member => givingBack.Contains(member.Gpu) && !ending.ContainsKey(member.Gpu));

    /// <summary>Parks the job where the cluster wants all of it back and gives nothing for it, once every member holds the state.</summary>
    private void Park(List<GpuOffer> candidates)
    {
        if (parkedFor is not null || candidates.Count > 0 || !IsToPark || !IsStateHeld)
            return;
        (parkedFor, wasParked) = (leaving[state!.Members[0].Gpu], false);
        formAgain ??= $"parked: {parkedFor}";
    }

    /// <summary>
    /// Lets a parked job go on once the cluster wants nothing back, or gives others for what it wants back, and there are enough ranks. A job, or a
    /// cluster, that was loaded anew knows nothing of what the other has said: it stays parked until the cluster speaks of its member.
    /// </summary>
    private void Unpark(List<GpuOffer> candidates)
    {
        var isHeldBack = IsToPark || state!.Members.All(member => !offers.ContainsKey(member.Gpu));
        if (parkedFor is null || (isHeldBack && candidates.Count == 0) || state!.Members.Count + candidates.Count < state.Spec.MinRanks)
            return;
        parkedFor = null;
        formAgain ??= "its gpus may compute again";
    }
}
