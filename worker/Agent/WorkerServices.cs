using Coordinator.Machines;
using Coordinator.Machines.Jobs;
using Coordinator.Worker.Checkpoints;
using Coordinator.Worker.Devices;
using Coordinator.Worker.Gangs;
using Coordinator.Worker.Ranks;
using Coordinator.Worker.Telemetry;

namespace Coordinator.Worker.Agent;

/// <summary>Makes the device that computes a job's program.</summary>
public interface IProgramFactory
{
    /// <summary>
    /// A device for one rank, with whatever it needs (the job's data, say) at hand. It computes nothing until it is told to. Called on a
    /// thread of its own, which it may hold for as long as it takes, and on which the device is made whatever was waited for before:
    /// libraries of devices keep contexts by thread, and those of the pool carry what the silo says.
    /// What this throws becomes a report that the rank cannot go on, with the exception's message.
    /// </summary>
    IRankDevice Create(JobId job, JobSpec spec, GpuId gpu, CancellationToken cancel);

    /// <summary>
    /// Sees that others can still get what this worker has for the job: its data, say. Called on one worker of each new generation, and
    /// never throws.
    /// </summary>
    Task KeepAsync(JobSpec spec) => Task.CompletedTask;
}

/// <summary>What a worker needs from outside.</summary>
public sealed record WorkerServices(IProgramFactory Programs, IModelSink Models, IWorkerLog Log)
{
    /// <summary>Opens the connections to silos, not disposed of. It decides about proxies: a worker of its own uses none.</summary>
    public required HttpMessageInvoker Http { get; init; }

    /// <summary>
    /// Where checkpoints are written and read, shared by all workers of a job; null: there is no such folder, and this worker saves
    /// nothing.
    /// </summary>
    public CheckpointFolder? Checkpoints { get; init; }

    /// <summary>
    /// Asks a job's silo for a checkpoint and waits until the job has recorded it: for a worker that is asked to end and may hold the only
    /// state that there is. Gives why there was none; null where there is one. Null: nobody can be asked.
    /// </summary>
    public Func<JobId, Task<string?>>? SaveState { get; init; }

    /// <summary>What gangs need; null: this worker takes part in none.</summary>
    public GangServices? Gangs { get; init; }

    /// <summary>The vendor's telemetry of the gpus, not disposed of; null: there is none.</summary>
    public IGpuTelemetry? Telemetry { get; init; }
}
