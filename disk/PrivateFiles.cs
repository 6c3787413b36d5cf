using System.Runtime.Versioning;

namespace Coordinator.Disk;

/// <summary>
/// Files and folders for their owner alone, since keys, tokens and people's texts are in them: 0700 and 0600 from the moment that they are
/// made, whatever the mask of the process. The programs set that mask as well (<see cref="UserMask"/>), for what libraries make.
/// </summary>
public static class PrivateFiles
{
    private const UnixFileMode OwnerFile = UnixFileMode.UserRead | UnixFileMode.UserWrite;
    private const UnixFileMode OwnerFolder = OwnerFile | UnixFileMode.UserExecute;

    /// <summary>Opens a file, which nobody else may read if it is made by this.</summary>
    /// <exception cref="IOException">As from <see cref="FileStream"/>.</exception>
    /// <exception cref="UnauthorizedAccessException">Likewise.</exception>
    public static FileStream Open(
        string path, FileMode mode, FileAccess access, FileShare share, int bufferSize = 0, FileOptions options = FileOptions.None)
    {
        var settings = new FileStreamOptions { Mode = mode, Access = access, Share = share, BufferSize = bufferSize, Options = options };
        if (!OperatingSystem.IsWindows() && mode is not (FileMode.Open or FileMode.Truncate))
            settings.UnixCreateMode = OwnerFile;
        return new FileStream(path, settings);
    }

    /// <summary>Writes a small file of text, anew.</summary>
    public static void WriteAllText(string path, string text)
    {
        using (var file = Open(path, FileMode.Create, FileAccess.Write, FileShare.None))
            file.Write(System.Text.Encoding.UTF8.GetBytes(text));
        Tighten(path);
    }

    /// <summary>Makes an empty file where there is none, and takes from others what they may do with one that is there.</summary>
    public static void Touch(string path)
    {
        if (!Path.Exists(path))
            Open(path, FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.ReadWrite | FileShare.Delete).Dispose();
        Tighten(path);
    }

    /// <summary>
    /// Makes a folder and what is missing above it. One that is there is closed to others if it is this user's and either empty or shown by
    /// a file of <paramref name="marks"/> to be one of ours; any other stays as its owner made it.
    /// </summary>
    /// <param name="path">The folder.</param>
    /// <param name="marks">Names, or patterns of names, of what lies in a folder that this program made.</param>
    /// <returns>The full path.</returns>
    /// <exception cref="IOException">It cannot be made.</exception>
    /// <exception cref="UnauthorizedAccessException">It may not be made.</exception>
    public static string CreateFolder(string path, params string[] marks)
    {
        path = Path.GetFullPath(path);
        if (OperatingSystem.IsWindows())
            return Directory.CreateDirectory(path).FullName;
        if (Directory.Exists(path) is false && Path.GetDirectoryName(path) is { } above && !Directory.Exists(above))
            CreateFolder(above);
        Directory.CreateDirectory(path, OwnerFolder);
        if (WhyOpen(path) is not null && RegularFile.FactsOf(path) is { IsSharedFolder: false } facts
            && facts.Owner == PosixCalls.EffectiveUser() && IsOurs(path, marks))
        {
            SetMode(path, OwnerFolder);
        }
        return path;
    }

    /// <summary>
    /// Why what lies at a path is no secret: others may read it or reach into it. Null: it is one, or is not there, or the system knows no
    /// such permissions.
    /// </summary>
    public static string? WhyOpen(string path) => RegularFile.FactsOf(path) is { IsOpenToOthers: true } facts
        ? $"{path} is open to other users of this machine (its permissions are {facts.Permissions}); close it with 'chmod "
            + $"{(facts.IsFolder ? "700" : "600")} {path}'"
        : null;

    /// <summary>Takes from others what they may do with a file that this user owns.</summary>
    public static void Tighten(string path)
    {
        if (!OperatingSystem.IsWindows() && RegularFile.FactsOf(path) is { IsRegular: true, IsOpenToOthers: true } facts
            && facts.Owner == PosixCalls.EffectiveUser())
        {
            SetMode(path, OwnerFile);
        }
    }

    // Some file systems know no permissions, and some may not be changed: what is to be done there can be done all the same.
    [UnsupportedOSPlatform("windows")]
    private static void SetMode(string path, UnixFileMode mode)
    {
        try
        {
            File.SetUnixFileMode(path, mode);
        }
        catch (Exception refused) when (refused is IOException or UnauthorizedAccessException)
        {
            // Who wants to know asks WhyOpen.
        }
    }

    private static bool IsOurs(string path, string[] marks) =>
        !Directory.EnumerateFileSystemEntries(path).Any() || marks.Any(mark => Directory.EnumerateFileSystemEntries(path, mark).Any());
}
