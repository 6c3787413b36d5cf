using Coordinator.Machines;

namespace Coordinator.Engine;

/// <summary>How a commit ended.</summary>
/// <param name="Refused">
/// Grains whose stored (incarnation, sequence) is another writer's and not below the one offered. Where there is any,
/// nothing of the batch was stored; the engine discards those machines and offers the rest again.
/// </param>
public sealed record CommitResult(IReadOnlyList<GrainAddress> Refused)
{
    /// <summary>Everything is durable.</summary>
    public static CommitResult Committed { get; } = new([]);
}
