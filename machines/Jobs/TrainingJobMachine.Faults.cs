namespace Coordinator.Machines.Jobs;

/// <content>
/// Whose fault a fault is. A gpu is suspected only when the job has come a step farther without it (<see cref="FaultPolicy"/>); until then
/// it is left out, and others are asked for in its place.
/// </content>
public sealed partial class TrainingJobMachine
{
    /// <summary>Faults that are remembered: of a job of thousands of ranks that all fail, some are as good as all.</summary>
    private const int MostFaults = 256;

    private void OnFaulted(RankFaulted fault)
    {
        // It prepares no more, so nothing is to be waited for.
        stirred |= aside.Remove(fault.Gpu);
        if (fault.Generation != state!.Generation || MemberOf(fault.Gpu) is not { } member || IsOver || !faulted.TryAdd(fault.Gpu, $"fault: {fault.Detail}"))
            return;
        if (fault.Whose == FaultKind.Worker)
        {
            unable.Add(fault.Gpu);
            return;
        }

        // Durable with the generation that follows, or with the job's end.
        state = state with
        {
            Faults = [.. state.Faults.TakeLast(MostFaults - 1), new RankFault(fault.Gpu, member.Boot, fault.Generation, fault.Whose, fault.Detail) { At = now }],
            FaultedAt = Math.Max(state.FaultedAt, Math.Max(recorded, Math.Min(fault.Step, state.Spec.Training.Steps) - 1)),
        };
        // Before the first offer after a load the members are all that is known of the gpus that could be tried.
        if (offerSequence >= 0 && FaultPolicy.WhyJobs(state.Faults, state.Started || state.Computed, [.. Reachable]) is { } why)
            Fail(why);
    }

    /// <summary>A member has computed a shard, or applied a step: some device can compute the job. Durable with what is stored next.</summary>
    private void NoteComputed()
    {
        if (!state!.Computed)
            state = state with { Computed = true };
    }

    /// <summary>Gpus that the job could try: its members, and those offered that serve.</summary>
    private IEnumerable<GpuId> Reachable => offers.Values
        .Where(offer => offer.Up && DeviceClasses.Matches(state!.DeviceClass ?? state.Spec.DeviceClass, offer.DeviceClass)).Select(offer => offer.Gpu)
        .Union(state!.Members.Select(member => member.Gpu));

    /// <summary>Gpus that failed since the job last came a step farther, in the process that runs there now.</summary>
    private bool HasFaulted(GpuOffer offer) => state!.Faults.Any(fault => fault.Gpu == offer.Gpu && fault.Boot == offer.Session.Boot);

    /// <summary>Gpus beyond its ranks that the job asks for, to try what failed elsewhere.</summary>
    private int Replacements => state!.Faults.Count == 0 ? 0 : Math.Min(3 * state.Spec.Ranks, state.Faults.Select(fault => fault.Gpu).Distinct().Count());

    /// <summary>The job has come a step farther: who failed at it before is to blame, unless it has computed it itself since.</summary>
    private void SettleFaults()
    {
        if (state!.Faults.Count == 0 || recorded <= state.FaultedAt || IsOver)
            return;
        foreach (var suspect in FaultPolicy.Suspects(state.Faults, [.. state.Members.Select(member => member.Gpu).Where(gpu => !faulted.ContainsKey(gpu))]))
            outputs.Send(GrainAddress.Of(suspect.Gpu), new GpuFaultReported(new WorkerSession(suspect.Boot, long.MaxValue), suspect.Detail));
        Persist(state with { Faults = [], FaultedAt = 0, Recorded = recorded });
        requestAt = now;
        stirred = true;
    }
}
