using Coordinator.Grains.Hosting;
using Coordinator.Machines;

namespace Coordinator.Grains;

/// <summary>Hosts <see cref="Machines.Gangs.GangMachine"/>.</summary>
[GrainType(GrainNames.Gang)]
public sealed class GangGrain([PersistentState(GrainNames.Gang)] IPersistentState<StoredMachine> state, IGrainServices services)
    : RemindedGrain(GrainKind.Gang, services, state), IGangGrain
{
    /// <inheritdoc/>
    public Task Submit(SubmitGang submit) => Turn(submit);

    /// <inheritdoc/>
    public Task Cancel(CancelGang cancel) => Turn(cancel);

    /// <inheritdoc/>
    public Task OfferGpus(GangOffered offered) => Turn(offered);

    /// <inheritdoc/>
    public Task Report(GangReported reported) => Turn(reported);
}
