using Coordinator.Machines.Gpus.Policies;

namespace Coordinator.Machines;

/// <summary>What the operators of a cluster decide for its machines; the same on every silo.</summary>
public sealed class MachineSettings
{
    /// <summary>The shipped settings.</summary>
    public static MachineSettings Default { get; } = new();

    /// <summary>What is done about a gpu's errors.</summary>
    public GpuHealthPolicy GpuPolicy { get; init; } = GpuHealthPolicy.Default;
}
