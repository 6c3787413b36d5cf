using Coordinator.Machines;

namespace Coordinator.Server.Storage;

/// <summary>Which events to read.</summary>
public sealed record EventFilter
{
    /// <summary>Only events with a higher ordinal.</summary>
    public long After { get; init; }

    /// <summary>At most so many. At least 1.</summary>
    public int Limit { get; init; } = 1000;

    /// <summary>Only events of this job; null: of all and of none.</summary>
    public JobId? Job { get; init; }

    /// <summary>Whether the limit takes the newest events and not the oldest.</summary>
    public bool Newest { get; init; }
}
