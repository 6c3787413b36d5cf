using System.Text.Json.Serialization;

namespace Coordinator.Machines;

/// <summary>The kinds of grain.</summary>
[JsonConverter(typeof(JsonStringEnumConverter<GrainKind>))]
public enum GrainKind
{
    /// <summary>The one cluster grain.</summary>
    Cluster,

    /// <summary>A host.</summary>
    Node,

    /// <summary>An accelerator.</summary>
    Gpu,

    /// <summary>A training run.</summary>
    Job,

    /// <summary>A run of a foreign program.</summary>
    Gang,
}

/// <summary>Names a grain: its kind and its key.</summary>
public readonly record struct GrainAddress(GrainKind Kind, string Key)
{
    /// <summary>The cluster grain.</summary>
    public static GrainAddress Cluster { get; } = new(GrainKind.Cluster, "cluster");

    /// <summary>The grain of a node.</summary>
    public static GrainAddress Of(NodeId node) => new(GrainKind.Node, node.Value);

    /// <summary>The grain of a gpu.</summary>
    public static GrainAddress Of(GpuId gpu) => new(GrainKind.Gpu, gpu.ToString());

    /// <summary>The grain of a job.</summary>
    public static GrainAddress Of(JobId job) => new(GrainKind.Job, job.Value);

    /// <summary>The grain of a gang.</summary>
    public static GrainAddress OfGang(JobId job) => new(GrainKind.Gang, job.Value);

    /// <inheritdoc/>
    public override string ToString() => $"{Kind}:{Key}";
}
