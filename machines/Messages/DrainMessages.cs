namespace Coordinator.Machines;

/// <summary>
/// To the cluster: these nodes and gpus get no new work, and what is there leaves in order. Said of what is drained already it changes
/// reason, person and deadline.
/// </summary>
/// <param name="Nodes">Nodes, whole.</param>
/// <param name="Gpus">Gpus.</param>
/// <param name="Reason">Why, for people.</param>
/// <param name="By">Who wants it.</param>
/// <param name="At">When, by the clock of the silo that was asked.</param>
/// <param name="Until">The last moment at which work that is there may go on, by the same clock; null: there is none.</param>
public sealed record DrainOrdered(
    IReadOnlyList<NodeId> Nodes, IReadOnlyList<GpuId> Gpus, string Reason, string By, DateTimeOffset At, DateTimeOffset? Until)
    : GrainMessage;

/// <summary>To the cluster: these nodes and gpus are given work again. What is not drained stays as it is.</summary>
/// <param name="Nodes">Nodes; drains of single gpus of theirs go on.</param>
/// <param name="Gpus">Gpus; a drain of their whole node goes on.</param>
/// <param name="By">Who wants it.</param>
public sealed record UncordonOrdered(IReadOnlyList<NodeId> Nodes, IReadOnlyList<GpuId> Gpus, string By) : GrainMessage;
