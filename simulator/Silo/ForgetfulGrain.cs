using System.Text.Json;
using Coordinator.Machines;
using Coordinator.Machines.Clusters;
using Coordinator.Machines.Jobs;

namespace Coordinator.Simulator.Silo;

/// <summary>
/// The planted bugs of drains: a job that takes offers which were made for its earlier activation, one that lets a drained gpu go as soon
/// as it is no member any more, and a cluster that has forgotten when it is loaded what was drained.
/// </summary>
internal sealed class ForgetfulGrain(IMachine machine, PlantedBug bug) : IMachine
{
    private HashSet<GpuId> members = [];

    public GrainAddress Address => machine.Address;

    public TimeSpan? NextDeadline => machine.NextDeadline;

    /// <summary>The shipping machines, and in the place of one kind of them a broken one.</summary>
    public static IMachine Create(GrainAddress address, string? stateJson, PlantedBug bug)
    {
        if (bug == PlantedBug.DrainsForgotten && address.Kind == GrainKind.Cluster && stateJson is not null)
        {
            var state = Contracts.ReadState<ClusterState>(address, stateJson) with { Drains = [] };
            return MachineFactory.Create(address, JsonSerializer.Serialize(state, MachinesJson.Default.ClusterState));
        }

        var machine = MachineFactory.Create(address, stateJson);
        return address.Kind == GrainKind.Job && bug != PlantedBug.DrainsForgotten ? new ForgetfulGrain(machine, bug) : machine;
    }

    public void Handle(TimeSpan now, GrainMessage message, Outputs outputs)
    {
        if (bug == PlantedBug.StaleOfferTaken && message is GpusOffered offered)
            message = offered with { For = null };
        var mine = new Outputs();
        machine.Handle(now, message, mine);
        foreach (var output in mine.Items)
        {
            if (bug == PlantedBug.DrainedLetGoEarly && output is PersistState persist)
            {
                members =
                [
                    .. Contracts.ReadState<TrainingJobState>(Address, persist.StateJson).Members.Select(member => member.Gpu),
                ];
            }

            outputs.Add(bug == PlantedBug.DrainedLetGoEarly && output is SendToGrain { Message: GpusRequested request } send
                ? send with { Message = request with { Used = [.. request.Used.Where(members.Contains)] } }
                : output);
        }
    }

    public string Describe(TimeSpan now) => machine.Describe(now);
}
