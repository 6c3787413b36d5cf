using Coordinator.Worker.External;
using Coordinator.Worker.Kernels;

namespace Coordinator.Worker.Programs;

/// <summary>How a CPU device computes; nothing here changes a bit of the result, except <see cref="VectorWidth.Plain"/>.</summary>
public sealed record CpuDeviceOptions
{
    /// <summary>Vector width of the kernels. Default: the widest that is fast here.</summary>
    public VectorWidth Width { get; init; } = VectorWidth.Auto;

    /// <summary>Threads of one device, 1 to 256. Default 1: ranks on one host already share its cores.</summary>
    public int Threads { get; init; } = 1;

    /// <summary>How the process of a job's own program is started; null: this worker starts none.</summary>
    public ProgramLaunch? Launch { get; init; }

    /// <summary>Ends the waiting for a device whose making takes long.</summary>
    public CancellationToken Cancel { get; init; }
}
