using Coordinator.Machines;
using GrainAddress = Coordinator.Machines.GrainAddress;

namespace Coordinator.Grains.Hosting;

/// <summary>What grains need of the silo that hosts them.</summary>
public interface IGrainServices
{
    /// <summary>Name of the silo, for events.</summary>
    string Silo { get; }

    /// <summary>Monotonic time of this process.</summary>
    TimeSpan Now { get; }

    /// <summary>Stores events and steps; done when they are durable.</summary>
    Task Store(IReadOnlyList<Output> observations);

    /// <summary>Sends to a node's worker over whatever silo holds its connection; dropped where none does.</summary>
    void Send(NodeId node, CoordinatorMessage message);

    /// <summary>A message to another grain did not arrive. Its sender's machine repeats it; this is for the log.</summary>
    void OnLost(GrainAddress to, Exception why);
}
