using Coordinator.Machines;
using Coordinator.Machines.Gangs;

namespace Coordinator.Runs.Gangs;

/// <summary>Where a rank is, as far as its log is concerned.</summary>
/// <param name="Generation">The generation of a gang; 0: that of a training job's log is the node's to say.</param>
/// <param name="Node">The node that it is on; null: nobody knows.</param>
/// <param name="Gpu">The gpu there, where the job trains.</param>
/// <param name="IsOver">Whether the job is over.</param>
public readonly record struct LogTarget(long Generation, NodeId? Node, int? Gpu, bool IsOver)
{
    /// <summary>Where a rank of a gang is; null: it has not started yet.</summary>
    public static LogTarget? Of(GangView? gang, int rank) => gang is { Generation: > 0 }
        ? new LogTarget(
            gang.Generation,
            gang.Nodes.FirstOrDefault(one => one.Index == rank / gang.Spec.GpusPerNode)?.Node,
            null,
            gang.Phase is "finished" or "failed")
        : gang is { Phase: "finished" or "failed" } ? new LogTarget(0, null, null, true) : null;

    /// <summary>Where a rank of a training job is; null: it is nowhere yet.</summary>
    public static LogTarget? Of(JobView? job, int rank)
    {
        var isOver = job is { Phase: "finished" or "failed" };
        return job?.Members.FirstOrDefault(member => member.Rank == rank) is { } at
            ? new LogTarget(0, at.Gpu.Node, at.Gpu.Index, isOver)
            : isOver ? new LogTarget(0, null, null, true) : null;
    }
}
