namespace Coordinator.Server.Storage;

/// <summary>Another silo has the database open. The message names it and says what to do.</summary>
public sealed class StoreLockedException(string path, StoreHolder? holder, Exception inner) : Exception(Describe(path, holder), inner)
{
    /// <summary>Who has it; null where the holder has not written its name yet.</summary>
    public StoreHolder? Holder { get; } = holder;

    private static string Describe(string path, StoreHolder? holder)
    {
        var name = holder is null
            ? "another silo"
            : $"silo '{holder.Silo}' (process {holder.ProcessId}{(holder.Url is null ? "" : $", {holder.Url}")})";
        return $"the database '{path}' is in use by {name}. Stop that silo, send your commands to it, or give this one another --data-dir.";
    }
}
