using System.Text.Json.Serialization;

namespace Coordinator.Machines.Clusters;

/// <summary>What the cluster keeps durable: which gpus belong to which job.</summary>
public sealed record ClusterState(long Incarnation, IReadOnlyList<AllocationView> Allocations)
{
    /// <summary>Version of the contract that this is written by; see <see cref="Contracts.StateVersion"/>.</summary>
    public int Version { get; init; } = Contracts.FirstStateVersion;

    /// <summary>The operators' power settings; null: nothing is limited.</summary>
    public PowerSettings? Power { get; init; }

    /// <summary>Whether the utility has approved what is above the approval line.</summary>
    public bool PowerApproved { get; init; }

    /// <summary>Cooling zones, by name.</summary>
    public IReadOnlyList<CoolingZone> Zones { get; init; } = [];

    /// <summary>
    /// The worker processes under which gpus of jobs were started, where the draw's rise is limited: later ones are starts.
    /// </summary>
    public IReadOnlyList<WorkerProcess> Started { get; init; } = [];

    /// <summary>Gpus of jobs that wait for their turn to start.</summary>
    public IReadOnlyList<GpuId> Waiting { get; init; } = [];

    /// <summary>
    /// Gpus that are not plainly healthy, by their own word: few, so that a node that comes is told of them without a look at each gpu.
    /// </summary>
    public IReadOnlyList<WatchedGpu> Watched { get; init; } = [];

    /// <summary>What operators have drained, by name.</summary>
    public IReadOnlyList<Drain> Drains { get; init; } = [];

    /// <summary>Gpus that were taken back from jobs which may not have heard of it yet; null: there are none.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public IReadOnlyList<WithdrawnGpu>? Withdrawn { get; init; }
}
