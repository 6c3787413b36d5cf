using System.Text.Json;
using Coordinator.Disk;
using Coordinator.Server.Api;
using Coordinator.Server.Files;

namespace Coordinator.Server.Storage;

/// <summary>
/// Keeps a second silo off a database. The lock is the operating system's on an open file, so it ends with the process,
/// however that dies. The holder's name lies in a second file, since nobody else can open the first one; a name left
/// behind by a dead holder harms nobody, because the lock alone decides. On file systems without locks (some network
/// shares) nothing is locked: keep the data directory on a local disk.
/// </summary>
internal sealed class DatabaseLock : IDisposable
{
    private const int MostBytes = 1 << 16;

    private readonly FileStream file;
    private readonly string holderPath;

    private DatabaseLock(FileStream file, string holderPath)
    {
        this.file = file;
        this.holderPath = holderPath;
    }

    /// <summary>Takes the lock.</summary>
    /// <exception cref="StoreLockedException">Another process, or this one, has it.</exception>
    public static DatabaseLock Acquire(string databasePath, StoreHolder holder)
    {
        var holderPath = databasePath + ".holder";
        FileStream file;
        try
        {
            file = PrivateFiles.Open(databasePath + ".lock", FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None);
            PrivateFiles.Tighten(file.Name);
        }
        catch (IOException exception) when (FileLock.IsHeld(exception))
        {
            throw new StoreLockedException(databasePath, ReadHolder(holderPath), exception);
        }

        var taken = new DatabaseLock(file, holderPath);
        taken.Name(holder);
        return taken;
    }

    /// <summary>Writes down who has the lock.</summary>
    public void Name(StoreHolder holder)
    {
        var fresh = holderPath + ".tmp";
        PrivateFiles.WriteAllText(fresh, JsonSerializer.Serialize(holder, ApiJson.Default.StoreHolder));
        File.Move(fresh, holderPath, overwrite: true);
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        File.Delete(holderPath);
        file.Dispose();
    }

    private static StoreHolder? ReadHolder(string path)
    {
        try
        {
            return JsonSerializer.Deserialize(RegularFile.ReadAllBytes(path, MostBytes), ApiJson.Default.StoreHolder);
        }
        catch (Exception exception) when (exception is IOException or JsonException or UnauthorizedAccessException)
        {
            return null;
        }
    }
}
