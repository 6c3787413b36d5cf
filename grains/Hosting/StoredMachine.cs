namespace Coordinator.Grains.Hosting;

/// <summary>What grain storage holds of a machine: its own JSON, and who wrote it. Plain properties, so that any storage serializer reads it.</summary>
public sealed class StoredMachine
{
    /// <summary>The machine's state; null while it has none.</summary>
    public string? Json { get; set; }

    /// <summary>Activation that wrote it.</summary>
    public long Incarnation { get; set; }

    /// <summary>Counts that activation's writes.</summary>
    public long Sequence { get; set; }
}
