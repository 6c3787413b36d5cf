using System.Text.Json.Serialization;

namespace Coordinator.Machines.Gangs;

/// <summary>A gang as operators see it.</summary>
public sealed record GangView
{
    /// <summary>The job.</summary>
    public required JobId Id { get; init; }

    /// <summary><c>gang</c>: tells it from a training job.</summary>
    public string Kind { get; init; } = "gang";

    /// <summary>Phase: <c>waiting</c>, <c>preparing</c>, <c>running</c>, <c>stopping</c>, <c>finished</c>, <c>failed</c>.</summary>
    public required string Phase { get; init; }

    /// <summary>What people call its phase: <see cref="Phase"/>, or <c>cancelled</c> where somebody has ended it.</summary>
    [JsonIgnore]
    public string PhaseName =>
        Phase == "failed" && Reason.StartsWith(CancelJob.ReasonPrefix, StringComparison.Ordinal) ? "cancelled" : Phase;

    /// <summary>How it ended, in a sentence without its subject.</summary>
    [JsonIgnore]
    public string EndInWords => PhaseName == "cancelled" ? $"was {Reason}" : $"has {Phase}: {Reason}";

    /// <summary>Why it is in that phase, one line.</summary>
    public string Reason { get; init; } = "";

    /// <summary>The spec.</summary>
    public required GangSpec Spec { get; init; }

    /// <summary>Activation of the machine.</summary>
    public long Incarnation { get; init; }

    /// <summary>Generation in force, or the last one.</summary>
    public long Generation { get; init; }

    /// <summary>Starts after the first.</summary>
    public int Restarts { get; init; }

    /// <summary>Restarts that are left before it must get on.</summary>
    public int RestartsLeft { get; init; }

    /// <summary>Highest step that a process told; null: none did.</summary>
    public long? Step { get; init; }

    /// <summary>Its nodes, by index.</summary>
    public IReadOnlyList<GangNodeView> Nodes { get; init; } = [];

    /// <summary>Nodes of the last generation, by index, where none stands: they have its logs.</summary>
    public IReadOnlyList<NodeId> LastNodes { get; init; } = [];

    /// <summary>Nodes that it runs on no more.</summary>
    public IReadOnlyList<NodeId> LeftOut { get; init; } = [];

    /// <summary>The newest failures, oldest first.</summary>
    public IReadOnlyList<GangFailure> Failures { get; init; } = [];

    /// <summary>The first failure of all.</summary>
    public GangFailure? FirstFailure { get; init; }

    /// <summary>Exit code, once it is over.</summary>
    public int? ExitCode { get; init; }
}

/// <summary>A node of a gang as operators see it.</summary>
/// <param name="Index">Its number.</param>
/// <param name="Node">The node.</param>
/// <param name="Phase">What its agent said last; <c>unheard</c>: nothing in this generation.</param>
/// <param name="SilentMs">Milliseconds since its agent was heard; null: it was not.</param>
/// <param name="Ranks">Its processes.</param>
public sealed record GangNodeView(int Index, NodeId Node, string Phase, double? SilentMs, IReadOnlyList<GangRank> Ranks)
{
    /// <summary>What the agent said beside it.</summary>
    public string Detail { get; init; } = "";
}
