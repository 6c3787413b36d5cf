using System.Text.Json.Serialization;
using Coordinator.Machines.Gangs;

namespace Coordinator.Machines;

/// <summary>To a gang: run.</summary>
public sealed record SubmitGang(GangSpec Spec) : GrainMessage
{
    /// <summary>From which the keys of its generations are drawn; never shown.</summary>
    public string Secret { get; init; } = "";
}

/// <summary>To a gang: end, in order.</summary>
public sealed record CancelGang(string Reason) : GrainMessage;

/// <summary>To a gang, from the cluster: all gpus that are its own now.</summary>
public sealed record GangOffered(GpusOffered Offer) : GrainMessage;

/// <summary>To a gang, from a node: what its agent says.</summary>
public sealed record GangReported(NodeId Node, WorkerSession Session, GangReport Report) : GrainMessage;

/// <summary>To a node, from a gang: what its agent is to do.</summary>
public sealed record GangNodeOrdered(GangOrder Order) : GrainMessage;

/// <summary>
/// To a worker: what the agent of a gang is to do. Repeated until a report shows that it is done, and in answer to every report.
/// </summary>
public sealed record GangOrdered(GangOrder Order) : CoordinatorMessage;

/// <summary>What a gang wants of an agent in a generation.</summary>
[JsonConverter(typeof(JsonStringEnumConverter<GangWish>))]
public enum GangWish
{
    /// <summary>Bring what the program needs, see that nothing of an earlier generation runs, and find ports.</summary>
    Prepare,

    /// <summary>Run the processes. It renews the agent's lease.</summary>
    Run,

    /// <summary>End the processes of this and of every earlier generation; start none of them any more.</summary>
    Stop,

    /// <summary>The job is over: what is kept for it but its logs may go.</summary>
    Forget,
}

/// <summary>What a gang tells one agent. One with a lower (incarnation, generation) than was obeyed is refused.</summary>
public sealed record GangOrder
{
    /// <summary>The job.</summary>
    public required JobId Job { get; init; }

    /// <summary>Activation of the job's machine that orders.</summary>
    public required long Incarnation { get; init; }

    /// <summary>The generation.</summary>
    public required long Generation { get; init; }

    /// <summary>What is wanted.</summary>
    public required GangWish Wish { get; init; }

    /// <summary>
    /// Worker process that is meant, as in <see cref="WorkerSession.Boot"/>; another one of the node runs nothing of the generation. 0: any
    /// one.
    /// </summary>
    public long Boot { get; init; }

    /// <summary>
    /// Sequence of the newest report of the agent's that the job had heard; 0: none. It proves that the job lived after that report was
    /// sent.
    /// </summary>
    public long Heard { get; init; }

    /// <summary>The spec; null where the agent has it.</summary>
    public GangSpec? Spec { get; init; }

    /// <summary>The node's place in the generation; null where the agent has it.</summary>
    public GangSeat? Seat { get; init; }

    /// <summary>What all need to find each other; null before everybody is ready, and where the agent has it.</summary>
    public GangStart? Start { get; init; }

    /// <summary>Why, for the agent's log.</summary>
    public string Reason { get; init; } = "";
}

/// <summary>A node's place in a generation.</summary>
/// <param name="Index">Its number among the nodes.</param>
/// <param name="Nodes">How many there are.</param>
/// <param name="Gpus">Indexes of its gpus, by local rank.</param>
/// <param name="Restarts">Starts of the gang before this one.</param>
public sealed record GangSeat(int Index, int Nodes, IReadOnlyList<int> Gpus, int Restarts);

/// <summary>What the agents of a generation need to find each other.</summary>
/// <param name="MasterHost">Host of rank 0.</param>
/// <param name="MasterPort">A port that was free there a moment ago.</param>
/// <param name="Key">Key of the generation's leases, base64.</param>
/// <param name="Panel">Agents of whom a majority must be heard where no silo is.</param>
public sealed record GangStart(string MasterHost, int MasterPort, string Key, IReadOnlyList<GangPeer> Panel);

/// <summary>An agent that others ask whether it is there.</summary>
/// <param name="Index">Its node's number in the generation.</param>
/// <param name="Address">Where it answers, <c>host:port</c>.</param>
public sealed record GangPeer(int Index, string Address);

/// <summary>Where an agent is with a generation.</summary>
[JsonConverter(typeof(JsonStringEnumConverter<GangPhase>))]
public enum GangPhase
{
    /// <summary>It brings what the program needs.</summary>
    Preparing,

    /// <summary>It could start at once.</summary>
    Ready,

    /// <summary>The processes were started; some may have ended.</summary>
    Running,

    /// <summary>The processes are being ended.</summary>
    Stopping,

    /// <summary>No process of this or of an earlier generation lives here, and none will be started.</summary>
    Stopped,

    /// <summary>It cannot take part; nothing of it runs here.</summary>
    Refused,
}

/// <summary>What the agent of a gang says of its node: all of it each time, when anything changes and from time to time.</summary>
public sealed record GangReport : WorkerMessage
{
    /// <summary>The job.</summary>
    public required JobId Job { get; init; }

    /// <summary>The generation that it speaks of.</summary>
    public required long Generation { get; init; }

    /// <summary>Counts the agent's reports.</summary>
    public required long Sequence { get; init; }

    /// <summary>Where it is.</summary>
    public required GangPhase Phase { get; init; }

    /// <summary>A free port for rank 0; 0 where the node does not have that rank.</summary>
    public int MasterPort { get; init; }

    /// <summary>Port where the agent answers others' questions.</summary>
    public int LeasePort { get; init; }

    /// <summary>Its processes, by rank.</summary>
    public IReadOnlyList<GangRank> Ranks { get; init; } = [];

    /// <summary>Highest step that a process of the generation has told; 0: none told any.</summary>
    public long Step { get; init; }

    /// <summary>Milliseconds since any of its processes was heard.</summary>
    public double SilentMs { get; init; }

    /// <summary>For people: what it does, or why it cannot.</summary>
    public string Detail { get; init; } = "";
}

/// <summary>A process of a gang.</summary>
/// <param name="Rank">Its rank.</param>
/// <param name="Gpu">Index of its gpu in the node.</param>
/// <param name="ProcessId">Its number on the node.</param>
/// <param name="Exit">How it ended; null: it runs.</param>
public sealed record GangRank(int Rank, int Gpu, int ProcessId, GangExit? Exit = null);

/// <summary>How a process of a gang ended.</summary>
/// <param name="Code">Its exit code; null: a signal ended it.</param>
/// <param name="Signal">The signal; null: it exited.</param>
/// <param name="AgeMs">Milliseconds from its end to the report.</param>
public sealed record GangExit(int? Code, int? Signal, double AgeMs)
{
    /// <summary>Whether it was asked to end, or killed by its agent, before.</summary>
    public bool Asked { get; init; }

    /// <summary>Whether it was ended since it gave no sign of life.</summary>
    public bool Hung { get; init; }

    /// <summary>Whether it failed since the port for rank 0 was taken.</summary>
    public bool PortTaken { get; init; }

    /// <summary>What it said of its failure, in the file that torchrun's programs write; empty: nothing.</summary>
    public string Error { get; init; } = "";

    /// <summary>The last lines of its standard error.</summary>
    public IReadOnlyList<string> LastLines { get; init; } = [];

    /// <summary>Whether it ended well.</summary>
    [JsonIgnore]
    public bool IsSuccess => Code == 0;

    /// <summary>The code that a shell would give.</summary>
    [JsonIgnore]
    public int ShellCode => Code ?? (128 + (Signal ?? 0));

    /// <summary>For people.</summary>
    [JsonIgnore]
    public string Text => Hung ? "no sign of life" : Signal is { } signal ? $"signal {signal}" : $"exit code {Code}";
}
