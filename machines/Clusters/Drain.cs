using System.Text.Json.Serialization;

namespace Coordinator.Machines.Clusters;

/// <summary>
/// What operators have taken out of use on purpose, durable until they give it back: it gets no new work, and what is there leaves in
/// order.
/// </summary>
/// <param name="Node">The node, or the node of the gpu.</param>
/// <param name="Gpu">Index of the gpu; null: the whole node.</param>
/// <param name="Reason">Why, for people.</param>
/// <param name="By">Who wants it.</param>
/// <param name="Since">When it was drained first.</param>
/// <param name="Until">The last moment at which work that is there may go on; null: there is none.</param>
public sealed record Drain(NodeId Node, int? Gpu, string Reason, string By, DateTimeOffset Since, DateTimeOffset? Until)
{
    /// <summary>Whether nothing of any job was there any more at some time since, as an event has said.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingDefault)]
    public bool Done { get; init; }

    /// <summary>The node's name, or the gpu's.</summary>
    [JsonIgnore]
    public string Target => Gpu is { } index ? new GpuId(Node, index).ToString() : Node.Value;

    /// <summary>What events and reasons say of it.</summary>
    [JsonIgnore]
    public string Text => $"drained by {By}: {Reason}";

    /// <summary>Whether the gpu is drained by this.</summary>
    public bool Covers(GpuId gpu) => gpu.Node == Node && (Gpu is null || Gpu == gpu.Index);
}
