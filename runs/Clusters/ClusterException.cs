using Coordinator.Runs.Processes;

namespace Coordinator.Runs.Clusters;

/// <summary>The processes of a run cannot be brought up.</summary>
public sealed class ClusterException(ClusterFailure failure) : Exception(failure.Message)
{
    /// <summary>Message, remedy and exit code.</summary>
    public ClusterFailure Failure { get; } = failure;
}
