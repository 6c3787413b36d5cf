namespace Coordinator.Machines.Gangs;

/// <summary>
/// A foreign program that is run on many nodes at once, one process for each gpu: a gang. It promises no bits, since nothing is known of
/// what the program computes; it promises that the gang is whole or is being made whole, that no two of its generations ever run at once,
/// and that the first cause of an end is named.
/// </summary>
public sealed record GangSpec
{
    /// <summary>Name, from which the job's id is made.</summary>
    public string Name { get; init; } = "run";

    /// <summary>The program and its arguments.</summary>
    public IReadOnlyList<string> Command { get; init; } = [];

    /// <summary>Variables that every process gets beside those of its place.</summary>
    public IReadOnlyDictionary<string, string> Environment { get; init; } = new SortedDictionary<string, string>(StringComparer.Ordinal);

    /// <summary>
    /// Folder in which every process starts, the same path on every node; empty: the bundle's, or one of the job's own on each node.
    /// </summary>
    public string WorkFolder { get; init; } = "";

    /// <summary>A folder that is brought to every node before a start; null: there is none.</summary>
    public GangBundle? Bundle { get; init; }

    /// <summary>Fewest nodes that it runs on.</summary>
    public int MinNodes { get; init; } = 1;

    /// <summary>Most nodes that it runs on: it starts on as many as there are, and with fewer nodes a new start looks for more.</summary>
    public int MaxNodes { get; init; } = 1;

    /// <summary>Gpus, and so processes, on each node.</summary>
    public int GpusPerNode { get; init; } = 1;

    /// <summary>Priority among jobs: the higher, the more important.</summary>
    public int Priority { get; init; }

    /// <summary>Class that its gpus must have; empty: any one, the same for all.</summary>
    public string DeviceClass { get; init; } = "";

    /// <summary>Restarts without progress between them that its own failures may cost; one more ends it.</summary>
    public int Restarts { get; init; } = 3;

    /// <summary>Time after which a program that tells no steps counts as having got on, if it was heard all the while.</summary>
    public TimeSpan ProgressTime { get; init; } = TimeSpan.FromMinutes(5);

    /// <summary>First failures on one node after which that node is left out, if there are others.</summary>
    public int NodeFailures { get; init; } = 3;

    /// <summary>Time between SIGTERM and SIGKILL.</summary>
    public TimeSpan Grace { get; init; } = TimeSpan.FromSeconds(10);

    /// <summary>Time without output and without a touch of its heartbeat file after which a process counts as hung; null: never.</summary>
    public TimeSpan? HangTimeout { get; init; }

    /// <summary>T: an agent that hears neither a silo nor a majority of the others for so long kills its processes.</summary>
    public TimeSpan Lease { get; init; } = TimeSpan.FromSeconds(10);

    /// <summary>
    /// How long agents go on that hear each other and no silo. A majority of them that vanishes at once may be running for so long.
    /// </summary>
    public TimeSpan Alone { get; init; } = TimeSpan.FromMinutes(10);

    /// <summary>Processes on so many nodes.</summary>
    public int RanksOn(int nodes) => nodes * GpusPerNode;
}
