namespace Coordinator.Machines.Clusters;

/// <summary>What gpus of one class, and their hosts, draw.</summary>
/// <param name="DeviceClass">The class, or its first words (<see cref="DeviceClasses.Matches"/>).</param>
/// <param name="WattsPerGpu">Draw of a gpu at full load, watts.</param>
/// <param name="WattsPerNode">Draw of a host beside its gpus, watts.</param>
public sealed record ClassPower(string DeviceClass, long WattsPerGpu, long WattsPerNode);
