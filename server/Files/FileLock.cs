namespace Coordinator.Server.Files;

/// <summary>
/// A lock on a file, by the operating system: it ends with its process, however that dies. On file systems without locks (some network
/// shares) nothing is locked.
/// </summary>
public static class FileLock
{
    private const int SharingViolation = 32;
    private const int WouldBlock = 11;
    private const int WouldBlockOnBsd = 35;

    /// <summary>Takes the lock, and makes the file where it is missing. Dispose of it to give it up.</summary>
    /// <returns>Null where another process, or this one, has it.</returns>
    /// <exception cref="IOException">The file cannot be opened.</exception>
    /// <exception cref="UnauthorizedAccessException">The file may not be opened.</exception>
    public static FileStream? TryTake(string path)
    {
        try
        {
            return new FileStream(path, FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None);
        }
        catch (IOException refused) when (IsHeld(refused))
        {
            return null;
        }
    }

    /// <summary>Whether somebody else has the file locked; anything else is a file that cannot be opened.</summary>
    public static bool IsHeld(IOException refused) =>
        OperatingSystem.IsWindows() ? (refused.HResult & 0xFFFF) == SharingViolation : refused.HResult is WouldBlock or WouldBlockOnBsd;
}
