namespace Coordinator.Machines;

/// <summary>What a rank's machine needs to know of its job, all fixed for the rank's life.</summary>
public sealed record RankOptions
{
    /// <summary>The job.</summary>
    public required JobId Job { get; init; }

    /// <summary>The gpu that the rank is.</summary>
    public required GpuId Gpu { get; init; }

    /// <summary>The worker process.</summary>
    public required long Boot { get; init; }

    /// <summary>L.</summary>
    public required int Shards { get; init; }

    /// <summary>N, the last step, unless a plan says otherwise.</summary>
    public required long Steps { get; init; }

    /// <summary>Blocks of the gradient: ceil(parameters / block elements).</summary>
    public required int ReducedBlocks { get; init; }

    /// <summary>Blocks of the state: ceil(elements of the state / block elements).</summary>
    public required int StateBlocks { get; init; }

    /// <summary>What every rank of the job must say alike of what it computes with; empty where the spec decides that.</summary>
    public string Identity { get; init; } = "";

    /// <summary>
    /// What its program began with, entry by entry (<see cref="RankState.InitialState"/>); empty where the spec decides that.
    /// </summary>
    public IReadOnlyList<string> InitialState { get; init; } = [];

    /// <summary>Blocks that a contributor may send to one owner ahead of the owner's credit.</summary>
    public required int WindowBlocks { get; init; }
}
