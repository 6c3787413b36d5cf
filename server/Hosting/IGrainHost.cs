using Coordinator.Machines;

namespace Coordinator.Server.Hosting;

/// <summary>The grains as the server sees them, whichever engine hosts them. Thread-safe.</summary>
public interface IGrainHost
{
    /// <summary>Leaves a message for a grain and returns at once. Messages of one caller keep their order.</summary>
    void Post(GrainAddress to, GrainMessage message);

    /// <summary>
    /// Leaves a message for a grain, and ends when the turn that handled it is durable, with all that the grain's turns before it changed:
    /// no death of a silo takes back what is answered then. Nothing else proves that: a view may be ahead of what is stored, and an event
    /// may be anybody's. A message that is lost on the way may be left again, since machines drop what they have seen.
    /// </summary>
    /// <exception cref="GrainsAwayException">The message, or its turn, was lost; whether it came about is not known.</exception>
    /// <exception cref="TimeoutException">The turn lasts longer than the host lets a call last; it may still come about.</exception>
    Task DeliverAsync(GrainAddress to, GrainMessage message);

    /// <summary>The grain's view as JSON; null for one that does not exist. Asking creates none.</summary>
    Task<string?> DescribeAsync(GrainAddress address);

    /// <summary>All grains of a kind, sorted by key.</summary>
    Task<IReadOnlyList<GrainAddress>> KnownAsync(GrainKind kind);
}
