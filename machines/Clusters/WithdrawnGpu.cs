namespace Coordinator.Machines.Clusters;

/// <summary>A gpu that was taken back from a job, which may not have heard of it yet.</summary>
/// <param name="Job">The job.</param>
/// <param name="Gpu">The gpu.</param>
public readonly record struct WithdrawnGpu(JobId Job, GpuId Gpu);
