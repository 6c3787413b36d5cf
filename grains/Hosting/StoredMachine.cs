namespace Coordinator.Grains.Hosting;

/// <summary>
/// What grain storage holds of a machine: its own JSON, and who wrote it. Plain properties, so that any storage serializer reads it.
/// </summary>
public sealed class StoredMachine
{
    /// <summary>The machine's state; null while it has none.</summary>
    public string? Json { get; set; }

    /// <summary>Incarnation that wrote it.</summary>
    public long Incarnation { get; set; }

    /// <summary>Counts that incarnation's writes.</summary>
    public long Sequence { get; set; }

    /// <summary>
    /// Drawn by each activation. Two that were loaded at once count the same incarnation until the first write decides; only this tells
    /// one's own write, whose acknowledgement was lost, from the other's.
    /// </summary>
    public string? Writer { get; set; }

    /// <summary>Whether it is the very same write.</summary>
    public bool IsSameWrite(StoredMachine other) =>
        (Writer, Incarnation, Sequence, Json) == (other.Writer, other.Incarnation, other.Sequence, other.Json);
}
