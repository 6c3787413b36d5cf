namespace Coordinator.Machines.Jobs;

/// <summary>
/// A team's own program (<c>docs/programs.md</c>): a process beside the worker, one for each rank, or an assembly that the worker loads.
/// Its file and the folder around it, frozen by content hash like data, and what else decides what it computes.
/// </summary>
public sealed record ProgramSpec
{
    /// <summary>Lower-case hexadecimal SHA-256 of the frozen folder; empty before submission.</summary>
    public string Sha256 { get; init; } = "";

    /// <summary>Size of the frozen folder in bytes.</summary>
    public long Bytes { get; init; }

    /// <summary>The file in the folder that is started or loaded: <c>train.py</c>, <c>Mlp.dll</c>.</summary>
    public string Entry { get; init; } = "";

    /// <summary>
    /// The Python interpreter that runs a <c>.py</c> file, a name to be found in the PATH or a path on every node. Other files run by
    /// themselves.
    /// </summary>
    public string Python { get; init; } = "python3";

    /// <summary>Arguments of the program, with spaces between them.</summary>
    public string Arguments { get; init; } = "";

    /// <summary>Threads that it computes with, 1 to 256: they decide bits.</summary>
    public int Threads { get; init; } = 1;

    /// <summary>
    /// Uncounted shards that a new process computes before its first counted one, 0 to 100: first calls compute other bits where code is
    /// compiled on the way.
    /// </summary>
    public int WarmUpShards { get; init; } = 2;

    /// <summary>
    /// Every so many shards of a process one is computed again at once, and must give the same bits; 0: none is. Costs one part in so many
    /// of the computing, and decides no bits.
    /// </summary>
    public int CheckEvery { get; init; } = 1000;

    /// <summary>How long a program may take from its start to its first shard.</summary>
    public TimeSpan StartTimeout { get; init; } = TimeSpan.FromMinutes(10);

    /// <summary>How long a program may take for a shard or a step before it counts as hanging and is ended.</summary>
    public TimeSpan HangTimeout { get; init; } = TimeSpan.FromMinutes(10);

    /// <summary>Whether it trains although its shards were found to differ between processes. No bits are promised then.</summary>
    public bool AllowNondeterminism { get; init; }
}
