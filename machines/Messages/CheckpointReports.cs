namespace Coordinator.Machines;

/// <summary>A rank's slice of the state is durable in the checkpoint's folder. The job asks again for what it did not hear.</summary>
public sealed record CheckpointPartSaved : JobReport
{
    /// <summary>The gpu.</summary>
    public required GpuId Gpu { get; init; }

    /// <summary>The checkpoint.</summary>
    public required CheckpointId Checkpoint { get; init; }

    /// <summary>Its slice.</summary>
    public required CheckpointPart Part { get; init; }

    /// <summary>Time for which the rank's device waited, milliseconds: the copy.</summary>
    public double SnapshotMs { get; init; }

    /// <summary>Time that writing took beside the training, milliseconds.</summary>
    public double WriteMs { get; init; }

    /// <summary>Parameters in the slice that are infinite or no number.</summary>
    public long Nonfinite { get; init; }
}

/// <summary>The manifest is durable: the checkpoint is complete.</summary>
public sealed record CheckpointSealed : JobReport
{
    /// <summary>The node that wrote the manifest.</summary>
    public required NodeId Node { get; init; }

    /// <summary>The checkpoint.</summary>
    public required CheckpointId Checkpoint { get; init; }

    /// <summary>SHA-256 of the manifest, lower-case hexadecimal.</summary>
    public required string ManifestSha256 { get; init; }
}

/// <summary>A checkpoint will not become complete. Training goes on.</summary>
public sealed record CheckpointFailed : JobReport
{
    /// <summary>The node that says so.</summary>
    public required NodeId Node { get; init; }

    /// <summary>The checkpoint.</summary>
    public required CheckpointId Checkpoint { get; init; }

    /// <summary>Why, for people.</summary>
    public required string Detail { get; init; }

    /// <summary>Nothing is broken: the order came after the step.</summary>
    public bool Late { get; init; }
}

/// <summary>A rank that was to load a checkpoint cannot. Repeated until a newer generation is prepared.</summary>
public sealed record CheckpointUnreadable : JobReport
{
    /// <summary>The gpu.</summary>
    public required GpuId Gpu { get; init; }

    /// <summary>The checkpoint.</summary>
    public required CheckpointId Checkpoint { get; init; }

    /// <summary>Why, for people.</summary>
    public required string Detail { get; init; }
}
