using System.Text.Json.Serialization;

namespace Coordinator.Machines;

/// <summary>A member of a generation.</summary>
/// <param name="Gpu">The gpu; members are sorted by it, and a member's rank is its index.</param>
/// <param name="Address">Data-plane address of its worker, <c>host:port</c>.</param>
/// <param name="Boot">The worker process, as in <see cref="WorkerSession.Boot"/>.</param>
public sealed record Member(GpuId Gpu, string Address, long Boot);

/// <summary>
/// The step from one generation's membership to another's: h(to) = H(h(from), change). With <see cref="FromGeneration"/> 0
/// it is the whole membership, and carries the job's spec.
/// </summary>
public sealed record MembershipChange
{
    /// <summary>The job.</summary>
    public required JobId Job { get; init; }

    /// <summary>Activation of the job's machine.</summary>
    public required long Incarnation { get; init; }

    /// <summary>Generation that the change starts from; 0: from nothing.</summary>
    public required long FromGeneration { get; init; }

    /// <summary>Generation that the change leads to.</summary>
    public required long ToGeneration { get; init; }

    /// <summary>Members that left, sorted.</summary>
    public IReadOnlyList<GpuId> Removed { get; init; } = [];

    /// <summary>Members that came, or came back as another process, sorted by gpu.</summary>
    [JsonConverter(typeof(MembersConverter))]
    public IReadOnlyList<Member> Added { get; init; } = [];

    /// <summary>Hash of the chain at <see cref="ToGeneration"/>, lower-case hexadecimal.</summary>
    public required string Hash { get; init; }

    /// <summary>Key of the generation's data-plane connections, base64.</summary>
    public required string Key { get; init; }

    /// <summary>The job's spec, where the change starts from nothing.</summary>
    public Jobs.JobSpec? Spec { get; init; }
}
