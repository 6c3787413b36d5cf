using Coordinator.Machines;
using Coordinator.Machines.Gangs;

namespace Coordinator.Runs.Alerts;

/// <summary>What one look at a cluster found.</summary>
public sealed record ClusterLook
{
    /// <summary>Silos that do not answer, each with the reason.</summary>
    public IReadOnlyDictionary<string, string> Lost { get; init; } = new Dictionary<string, string>();

    /// <summary>Silos that answer that they are not well, each with the reason.</summary>
    public IReadOnlyDictionary<string, string> Unwell { get; init; } = new Dictionary<string, string>();

    /// <summary>Training jobs; null: nobody could be asked.</summary>
    public IReadOnlyList<JobView>? Jobs { get; init; }

    /// <summary>Gangs; null: nobody could be asked.</summary>
    public IReadOnlyList<GangView>? Gangs { get; init; }

    /// <summary>Gpus that no job has; null: nobody could be asked.</summary>
    public int? FreeGpus { get; init; }

    /// <summary>The site's power; null: nobody could be asked.</summary>
    public PowerView? Power { get; init; }

    /// <summary>Events since the look before, in order, each with the time at which it was stored.</summary>
    public IReadOnlyList<(DateTimeOffset At, CoordinatorEvent Event)> Events { get; init; } = [];
}
