using Coordinator.Machines;

namespace Coordinator.Worker.Transport;

/// <summary>
/// A rank as the data plane sees it. Called from pool threads, never two frames of one connection at once; must not block.
/// </summary>
public interface IFrameSink
{
    /// <summary>
    /// A frame for this rank, its checksum right. The payload's reference passes to the sink when the frame is taken, and stays
    /// with the caller when it is refused.
    /// </summary>
    /// <returns>Null where the frame is taken, else why no correct peer would have sent it; its connection is then aborted.</returns>
    string? Accept(in FrameHeader header, PooledBlock? payload);

    /// <summary>A worker of the generation is out of reach or sends nonsense; told once for each worker and generation.</summary>
    /// <param name="node">The worker's node.</param>
    /// <param name="generation">The generation.</param>
    /// <param name="evidence">What it rests on.</param>
    /// <param name="detail">For people.</param>
    /// <param name="unreached">Whether this worker dialled it and never came to a connection in the generation.</param>
    void PeerLost(NodeId node, long generation, Evidence evidence, string detail, bool unreached);
}
