using System.Text.Json.Serialization;

namespace Coordinator.Machines;

/// <summary>One training run.</summary>
[JsonConverter(typeof(JobIdConverter))]
public readonly record struct JobId(string Value) : IComparable<JobId>
{
    /// <inheritdoc/>
    public int CompareTo(JobId other) => string.CompareOrdinal(Value, other.Value);

    /// <inheritdoc/>
    public override string ToString() => Value;
}

/// <summary>One host with one worker process.</summary>
[JsonConverter(typeof(NodeIdConverter))]
public readonly record struct NodeId(string Value) : IComparable<NodeId>
{
    /// <inheritdoc/>
    public int CompareTo(NodeId other) => string.CompareOrdinal(Value, other.Value);

    /// <inheritdoc/>
    public override string ToString() => Value;
}

/// <summary>One accelerator of a node, written <c>node/index</c>. Sorted by node, then by index as a number.</summary>
[JsonConverter(typeof(GpuIdConverter))]
public readonly record struct GpuId(NodeId Node, int Index) : IComparable<GpuId>
{
    /// <inheritdoc/>
    public int CompareTo(GpuId other)
    {
        var byNode = Node.CompareTo(other.Node);
        return byNode != 0 ? byNode : Index.CompareTo(other.Index);
    }

    /// <inheritdoc/>
    public override string ToString() => $"{Node.Value}/{Index}";

    /// <summary>Reads what <see cref="ToString"/> writes.</summary>
    /// <exception cref="FormatException">The text has no slash, or what follows the last one is no index from 0 on.</exception>
    public static GpuId Parse(string text)
    {
        var slash = text.LastIndexOf('/');
        if (slash <= 0 || !int.TryParse(text.AsSpan(slash + 1), out var index) || index < 0)
            throw new FormatException($"'{text}' is no gpu: write node/index, such as node-1/0");
        return new GpuId(new NodeId(text[..slash]), index);
    }
}

/// <summary>
/// One connection of a worker process to a silo. <see cref="Boot"/> names the process (Unix milliseconds at its start),
/// <see cref="Connection"/> counts its connections; what carries a lower pair than one already seen is late and is dropped.
/// A higher boot proves that every earlier process of the node, and the state it held, is gone.
/// </summary>
public readonly record struct WorkerSession(long Boot, long Connection) : IComparable<WorkerSession>
{
    /// <inheritdoc/>
    public int CompareTo(WorkerSession other) => Boot != other.Boot ? Boot.CompareTo(other.Boot) : Connection.CompareTo(other.Connection);

    /// <summary>Whether this session is older than <paramref name="other"/>.</summary>
    public bool IsOlderThan(WorkerSession other) => CompareTo(other) < 0;
}
