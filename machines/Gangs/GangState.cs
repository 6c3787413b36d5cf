using System.Text.Json.Serialization;

namespace Coordinator.Machines.Gangs;

/// <summary>Where a gang is.</summary>
[JsonConverter(typeof(JsonStringEnumConverter<GangStage>))]
public enum GangStage
{
    /// <summary>It waits for nodes; nothing of it runs.</summary>
    Waiting,

    /// <summary>A generation stands and is brought what it needs.</summary>
    Preparing,

    /// <summary>Its processes were ordered to run.</summary>
    Running,

    /// <summary>The processes of the generation are being ended; another starts when all are known to be dead.</summary>
    Stopping,

    /// <summary>All processes ended well.</summary>
    Finished,

    /// <summary>It ended otherwise, and nothing of it runs.</summary>
    Failed,
}

/// <summary>A node of a generation.</summary>
/// <param name="Node">The node.</param>
/// <param name="Boot">Its worker's process, as in <see cref="WorkerSession.Boot"/>.</param>
/// <param name="Host">Host where others reach it.</param>
/// <param name="Gpus">Indexes of its gpus, sorted.</param>
public sealed record GangMember(NodeId Node, long Boot, string Host, IReadOnlyList<int> Gpus);

/// <summary>A failure of a gang, as it was judged.</summary>
/// <param name="Generation">The generation.</param>
/// <param name="Cause">In a word or two: <c>exit</c>, <c>signal</c>, <c>hang</c>, <c>node lost</c>, <c>worker ended</c>, <c>port taken</c>,
/// <c>refused</c>, or one of the constants.</param>
/// <param name="Text">For people.</param>
public sealed record GangFailure(long Generation, string Cause, string Text)
{
    /// <summary>Cause: all processes have ended well.</summary>
    public const string Done = "done";

    /// <summary>Cause: operators have drained a node or gpu.</summary>
    public const string Drained = "drained";

    /// <summary>Cause: the cluster wants gpus back, for want of power or cooling.</summary>
    public const string GivenBack = "gpus given back";

    /// <summary>Cause: a node's worker was asked to end.</summary>
    public const string NodeStopped = "node stopped";

    /// <summary>Cause: somebody has ended the job.</summary>
    public const string Cancelled = "cancelled";

    /// <summary>Whether an end of that cause was somebody's wish, and no failure.</summary>
    public static bool IsWanted(string? cause) => cause is Done or Drained or GivenBack or NodeStopped or Cancelled;

    /// <summary>Rank that failed first; null: no rank did.</summary>
    public int? Rank { get; init; }

    /// <summary>Node that it was on; null: no node is concerned.</summary>
    public NodeId? Node { get; init; }

    /// <summary>Index of its gpu; null: no gpu is concerned.</summary>
    public int? Gpu { get; init; }

    /// <summary>Exit code as a shell gives it; null: no process failed.</summary>
    public int? ExitCode { get; init; }

    /// <summary>Last lines of its standard error.</summary>
    public IReadOnlyList<string> LastLines { get; init; } = [];

    /// <summary>Ranks that failed after it, and so perhaps because of it.</summary>
    public IReadOnlyList<int> Followed { get; init; } = [];

    /// <summary>Whether it counts against the budget of restarts.</summary>
    public bool Counts { get; init; }
}

/// <summary>What a gang keeps durable.</summary>
public sealed record GangState
{
    /// <summary>Version of the contract that this is written by; see <see cref="Contracts.StateVersion"/>.</summary>
    public int Version { get; init; } = Contracts.FirstStateVersion;

    /// <summary>Activation that wrote this.</summary>
    public long Incarnation { get; init; }

    /// <summary>The spec.</summary>
    public required GangSpec Spec { get; init; }

    /// <summary>From which keys are drawn.</summary>
    public string Secret { get; init; } = "";

    /// <summary>Where it is.</summary>
    public GangStage Stage { get; init; }

    /// <summary>Why it is there, one line.</summary>
    public string Reason { get; init; } = "";

    /// <summary>The generation in force, or the last one.</summary>
    public long Generation { get; init; }

    /// <summary>Its nodes, by index; none: nothing runs.</summary>
    public IReadOnlyList<GangMember> Members { get; init; } = [];

    /// <summary>Nodes of the last generation.</summary>
    public IReadOnlyList<NodeId> LastNodes { get; init; } = [];

    /// <summary>Whether its agents may have been told to start: until then none of its processes lives anywhere.</summary>
    public bool Started { get; init; }

    /// <summary>Generations that were given up before any of their processes was started: they are no restarts.</summary>
    public long NeverStarted { get; init; }

    /// <summary>Why the generation is being ended, where no rank failed; null: one did, or none is being ended.</summary>
    public GangFailure? StopCause { get; init; }

    /// <summary>Where it goes once all are dead; null: on.</summary>
    public GangStage? StopTo { get; init; }

    /// <summary>Failures since it last got on.</summary>
    public int Spent { get; init; }

    /// <summary>Highest step that was told.</summary>
    public long BestStep { get; init; }

    /// <summary>Lost races for the port, one after the other.</summary>
    public int PortRaces { get; init; }

    /// <summary>First failures by node, since the gang last got on.</summary>
    public IReadOnlyDictionary<string, int> NodeFailures { get; init; } = new SortedDictionary<string, int>(StringComparer.Ordinal);

    /// <summary>Nodes that it runs on no more.</summary>
    public IReadOnlyList<NodeId> LeftOut { get; init; } = [];

    /// <summary>The newest failures, oldest first.</summary>
    public IReadOnlyList<GangFailure> Failures { get; init; } = [];

    /// <summary>The first failure of all.</summary>
    public GangFailure? FirstFailure { get; init; }

    /// <summary>Exit code of the gang, once it is over.</summary>
    public int? ExitCode { get; init; }
}
