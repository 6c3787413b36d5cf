using Coordinator.Machines.Clusters;
using Coordinator.Machines.Gangs;
using Coordinator.Machines.Gpus;
using Coordinator.Machines.Jobs;
using Coordinator.Machines.Nodes;

namespace Coordinator.Machines;

/// <summary>Makes the machine of a grain from what is stored of it.</summary>
public static class MachineFactory
{
    /// <summary>The machine at <paramref name="address"/>; <paramref name="stateJson"/> is what it persisted last, or null.</summary>
    /// <exception cref="FormatException">The key is none of its kind.</exception>
    /// <exception cref="System.Text.Json.JsonException">The stored state cannot be read by this version.</exception>
    public static IMachine Create(GrainAddress address, string? stateJson) => Create(address, stateJson, MachineSettings.Default);

    /// <inheritdoc cref="Create(GrainAddress, string?)"/>
    public static IMachine Create(GrainAddress address, string? stateJson, MachineSettings settings) => address.Kind switch
    {
        GrainKind.Cluster => new ClusterMachine(stateJson),
        GrainKind.Node => new NodeMachine(new NodeId(address.Key), settings.GpuPolicy),
        GrainKind.Gpu => new GpuMachine(GpuId.Parse(address.Key), stateJson, settings.GpuPolicy),
        GrainKind.Gang => new GangMachine(new JobId(address.Key), stateJson),
        _ => new TrainingJobMachine(new JobId(address.Key), stateJson),
    };
}
