using Coordinator.Machines;

namespace Coordinator.Worker.Transport;

/// <summary>What the data plane needs to know of a generation to connect its workers.</summary>
public sealed record GenerationSpec
{
    /// <summary>Job, generation and members.</summary>
    public required Membership Members { get; init; }

    /// <summary>Key that both ends of a connection prove to know.</summary>
    public required byte[] Key { get; init; }

    /// <summary>Incarnation that announced the generation; for keep-alive frames.</summary>
    public required long Incarnation { get; init; }

    /// <summary>Largest payload of the job, bytes: one block.</summary>
    public required int BlockBytes { get; init; }

    /// <summary>Silence after which a peer is reported lost.</summary>
    public required TimeSpan PeerTimeout { get; init; }

    /// <summary>Payloads that may be held unread by ranks for one pair of ranks; beyond it the connection is not read.</summary>
    public int BlocksPerRankPair { get; init; } = 4096;

    /// <summary>The job.</summary>
    public JobId Job => Members.Job;

    /// <summary>The generation.</summary>
    public long Generation => Members.Generation;
}
