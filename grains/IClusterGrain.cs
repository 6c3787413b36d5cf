using Coordinator.Machines;

namespace Coordinator.Grains;

/// <summary>The one cluster: inventory, and which job has which gpus. Its key is <c>cluster</c>.</summary>
public interface IClusterGrain : IMachineGrain
{
    /// <summary>A node says how it is; repeated until taken.</summary>
    /// <param name="report">JSON of a <see cref="NodeReported"/>.</param>
    Task ReportNode(string report);

    /// <summary>A gpu says whether it may be given work.</summary>
    /// <param name="report">JSON of a <see cref="GpuConditionReported"/>.</param>
    Task ReportGpu(string report);

    /// <summary>A job says how many gpus it wants, and which it still uses.</summary>
    /// <param name="request">JSON of a <see cref="GpusRequested"/>.</param>
    Task RequestGpus(string request);
}
