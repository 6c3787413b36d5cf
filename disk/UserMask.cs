namespace Coordinator.Disk;

/// <summary>
/// The mask of new files. The programs make everything for their owner alone, libraries' files and child processes' included; what the user
/// asked for by name, such as the final model, gets the permissions that the user's own mask gives.
/// </summary>
public static class UserMask
{
    private const uint OwnerOnly = 0x3F;
    private const uint AnyFile = 0x1B6;
    private const uint AnyFolder = 0x1FF;

    private static uint? users;

    /// <summary>
    /// The user's own mask, in octal digits: for programs whose files are the user's. Null: nobody has changed it, and nothing is to be
    /// done.
    /// </summary>
    public static string? Users => users is { } mask ? Convert.ToString(mask, 8).PadLeft(3, '0') : null;

    /// <summary>From now on this process makes files for their owner alone. The first thing that a program does.</summary>
    public static void Begin()
    {
        if (OperatingSystem.IsWindows() || users is not null)
            return;
        users = PosixCalls.SetMask(OwnerOnly);
    }

    /// <summary>
    /// Makes a folder that the user named, and what is missing above it, with the permissions that the user's mask gives.
    /// </summary>
    /// <exception cref="IOException">It cannot be made.</exception>
    /// <exception cref="UnauthorizedAccessException">It may not be made.</exception>
    public static void CreateUsersFolder(string path)
    {
        path = Path.GetFullPath(path);
        if (Directory.Exists(path))
            return;
        if (Path.GetDirectoryName(path) is { } above)
            CreateUsersFolder(above);
        Directory.CreateDirectory(path);
        if (OperatingSystem.IsWindows() || users is not { } mask)
            return;
        try
        {
            File.SetUnixFileMode(path, (UnixFileMode)(AnyFolder & ~mask));
        }
        catch (Exception refused) when (refused is IOException or UnauthorizedAccessException)
        {
            // A file system that knows no permissions.
        }
    }

    /// <summary>
    /// Makes or empties a file that is the user's own, with the permissions that the user's mask gives; those of a file that is there stay.
    /// </summary>
    /// <exception cref="IOException">As from <see cref="FileStream"/>.</exception>
    /// <exception cref="UnauthorizedAccessException">Likewise.</exception>
    public static FileStream CreateUsersFile(string path)
    {
        var isNew = !Path.Exists(path);
        var file = new FileStream(path, FileMode.Create, FileAccess.Write, FileShare.Read);
        if (OperatingSystem.IsWindows() || !isNew || users is not { } mask)
            return file;
        try
        {
            File.SetUnixFileMode(file.SafeFileHandle, (UnixFileMode)(AnyFile & ~mask));
        }
        catch (Exception refused) when (refused is IOException or UnauthorizedAccessException)
        {
            // A file system that knows no permissions.
        }

        return file;
    }
}
