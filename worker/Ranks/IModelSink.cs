using Coordinator.Machines;
using Coordinator.Machines.Jobs;
using Coordinator.Worker.Devices;

namespace Coordinator.Worker.Ranks;

/// <summary>Brings a final model to the model store.</summary>
public interface IModelSink
{
    /// <summary>
    /// Writes the model in the job's file format and brings it to the store; returns when the store has it durably. May be asked again
    /// for the same step with the same numbers, even after it succeeded: the bytes must come out equal, and nothing else may change.
    /// The file holds no time, generation or number of ranks.
    /// </summary>
    /// <param name="job">The job.</param>
    /// <param name="spec">Its spec, from which the layout of the parameters follows.</param>
    /// <param name="step">The last step.</param>
    /// <param name="tensors">Tensors among the parameters; null: those that the spec gives.</param>
    /// <param name="parameters">All parameters, [n], in the order of the layout.</param>
    /// <param name="cancel">The rank ended.</param>
    Task StoreAsync(
        JobId job, JobSpec spec, long step, IReadOnlyList<ModelTensor>? tensors, HostFloats parameters, CancellationToken cancel);
}
