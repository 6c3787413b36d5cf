using Coordinator.Disk;
using Coordinator.Machines;
using Coordinator.Machines.Jobs;
using Coordinator.Worker.Checkpoints;
using Coordinator.Worker.Devices;

namespace Coordinator.Worker.Ranks;

/// <summary>Which rank a host drives.</summary>
public sealed record RankHostOptions
{
    /// <summary>The job.</summary>
    public required JobId Job { get; init; }

    /// <summary>Its spec.</summary>
    public required JobSpec Spec { get; init; }

    /// <summary>The gpu that the rank is.</summary>
    public required GpuId Gpu { get; init; }

    /// <summary>The worker process.</summary>
    public required long Boot { get; init; }

    /// <summary>Where checkpoints are written and read; null: this worker has no such folder.</summary>
    public CheckpointFolder? Checkpoints { get; init; }

    /// <summary>How long a checkpoint's storage may say nothing before the checkpoint counts as unreadable. Default 30 s.</summary>
    public TimeSpan ReadLimit { get; init; } = StorageRead.DefaultLimit;

    /// <summary>
    /// As much where somebody waits for the rank's answer, which comes after the load: then it is given up, and nothing said against the
    /// checkpoint. Default 2 s.
    /// </summary>
    public TimeSpan HurriedReadLimit { get; init; } = TimeSpan.FromSeconds(2);

    /// <summary>What the machine of a rank on a device is made with.</summary>
    public RankOptions ForMachine(IRankDevice device) =>
        ForMachine(device.ParameterCount, device.StateElements) with
        {
            Identity = device.Identity,
            InitialState = device.InitialState,
        };

    /// <summary>What the machine of a rank with <paramref name="parameters"/> parameters is made with.</summary>
    /// <param name="parameters">Elements of the gradient.</param>
    /// <param name="stateElements">Elements of the state; null: parameters and two moments.</param>
    public RankOptions ForMachine(long parameters, long? stateElements = null)
    {
        var block = Spec.Collective.BlockElements;
        return new RankOptions
        {
            Job = Job,
            Gpu = Gpu,
            Boot = Boot,
            Shards = Spec.Training.Shards,
            Steps = Spec.Training.Steps,
            ReducedBlocks = checked((int)((parameters + block - 1) / block)),
            StateBlocks = checked((int)(((stateElements ?? (3 * parameters)) + block - 1) / block)),
            WindowBlocks = Spec.Collective.WindowBlocks,
        };
    }
}
