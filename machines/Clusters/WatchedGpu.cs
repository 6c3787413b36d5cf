namespace Coordinator.Machines.Clusters;

/// <summary>What the cluster keeps durable of a gpu that is not plainly healthy.</summary>
/// <param name="Gpu">The gpu.</param>
/// <param name="Schedulable">Whether it may be given work.</param>
/// <param name="Incarnation">Activation of the gpu that said so; 0: one of an older silo.</param>
/// <param name="Number">Which of that activation's reports it was.</param>
public sealed record WatchedGpu(GpuId Gpu, bool Schedulable, long Incarnation, long Number);
