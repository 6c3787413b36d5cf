namespace Coordinator.Server.Storage;

/// <summary>The database was written by a newer coordinator.</summary>
public sealed class StoreSchemaException(string path, long found, int known) : Exception(
    $"the database '{path}' has schema {found}, and this coordinator knows schemas up to {known}. Use the newer coordinator that wrote it, "
        + "or give another --data-dir.")
{
    /// <summary>Schema of the database.</summary>
    public long Found { get; } = found;

    /// <summary>Newest schema that this build knows.</summary>
    public int Known { get; } = known;
}
