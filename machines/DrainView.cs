using System.Text.Json.Serialization;

namespace Coordinator.Machines;

/// <summary>A drain as operators see it.</summary>
/// <param name="Node">The node, or the node of the gpu.</param>
/// <param name="Gpu">Index of the gpu; null: the whole node.</param>
/// <param name="State"><see cref="Draining"/> or <see cref="Drained"/>.</param>
/// <param name="Reason">Why, for people.</param>
/// <param name="By">Who wants it.</param>
/// <param name="Since">When it was drained first.</param>
/// <param name="Until">The last moment at which work that is there may go on; null: there is none.</param>
public sealed record DrainView(
    NodeId Node, int? Gpu, string State, string Reason, string By, DateTimeOffset Since, DateTimeOffset? Until)
{
    /// <summary><see cref="State"/> while a job has something there.</summary>
    public const string Draining = "draining";

    /// <summary><see cref="State"/> once no job has anything there.</summary>
    public const string Drained = "drained";

    /// <summary>Jobs that have something there still, and what each waits for.</summary>
    public IReadOnlyList<DrainedJobView> Jobs { get; init; } = [];

    /// <summary>The node's name, or the gpu's.</summary>
    [JsonIgnore]
    public string Target => Gpu is { } index ? new GpuId(Node, index).ToString() : Node.Value;
}

/// <summary>A job that is to leave what is drained.</summary>
/// <param name="Job">The job.</param>
/// <param name="Gpus">Gpus that it has there.</param>
/// <param name="Waits">What has to happen before it leaves, for people.</param>
public sealed record DrainedJobView(JobId Job, IReadOnlyList<GpuId> Gpus, string Waits);
