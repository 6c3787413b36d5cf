using Coordinator.Machines;

namespace Coordinator.Server.Hosting;

/// <summary>The grains as the server sees them, whichever engine hosts them. Thread-safe.</summary>
public interface IGrainHost
{
    /// <summary>Leaves a message for a grain and returns at once. Messages of one caller keep their order.</summary>
    void Post(GrainAddress to, GrainMessage message);

    /// <summary>The grain's view as JSON; null for one that does not exist. Asking creates none.</summary>
    Task<string?> DescribeAsync(GrainAddress address);

    /// <summary>All grains of a kind, sorted by key.</summary>
    Task<IReadOnlyList<GrainAddress>> KnownAsync(GrainKind kind);
}
