namespace Coordinator.Grains;

/// <summary>What all four kinds of grain can be asked.</summary>
public interface IMachineGrain : IGrainWithStringKey
{
    /// <summary>Hands the grain's machine one message. May be lost, repeated and overtaken: machines drop what they have seen, and senders repeat.</summary>
    /// <param name="message">A grain message as the project's own JSON; Orleans sees a string and needs no serializer of ours, and versions are ours to tell apart.</param>
    /// <exception cref="ArgumentException">The text is no message that this version knows.</exception>
    Task Deliver(string message);

    /// <summary>The grain as operators see it: one of the view records, as JSON. Changes nothing.</summary>
    Task<string> Describe();
}

/// <summary>The one cluster: inventory, and which job has which gpus. Its key is <c>cluster</c>.</summary>
public interface IClusterGrain : IMachineGrain;

/// <summary>A host and its worker. Its key is the node's id.</summary>
public interface INodeGrain : IMachineGrain;

/// <summary>An accelerator: health and rank plan. Its key is the gpu's id, <c>node/index</c>.</summary>
public interface IGpuGrain : IMachineGrain;

/// <summary>A training run. Its key is the job's id.</summary>
public interface ITrainingJobGrain : IMachineGrain;
