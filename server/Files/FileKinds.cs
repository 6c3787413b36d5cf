using System.Runtime.InteropServices;

namespace Coordinator.Server.Files;

/// <summary>
/// Asks the system what lies at a path. .NET knows files and folders only, and takes a device or a pipe for a file that it may replace.
/// </summary>
public static unsafe partial class FileKinds
{
    private const int CurrentDirectory = -100;
    private const int TypeWanted = 1;
    private const int NoEntry = 2;
    private const int MayWrite = 2;

    // struct statx is the same on every architecture of Linux: 256 bytes, the mode's 16 bits at byte 28.
    private const int StatBytes = 256;
    private const int ModeAt = 28;

    /// <summary>The kind of what lies there.</summary>
    /// <exception cref="IOException">The system does not say: a loop of links, a part of the path that is a file, a folder that may not be
    /// searched.</exception>
    public static FileKind Of(string path)
    {
        if (!OperatingSystem.IsLinux())
            return Directory.Exists(path) ? FileKind.Folder : File.Exists(path) ? FileKind.Regular : FileKind.Missing;
        var answer = stackalloc byte[StatBytes];
        if (Statx(CurrentDirectory, path, 0, TypeWanted, answer) != 0)
        {
            return Marshal.GetLastPInvokeError() == NoEntry ? FileKind.Missing
                : throw new IOException($"{path}: {Marshal.GetLastPInvokeErrorMessage()}");
        }

        return (*(ushort*)(answer + ModeAt) & 0xF000) switch
        {
            0x4000 => FileKind.Folder,
            0x1000 => FileKind.Pipe,
            0x2000 => FileKind.CharacterDevice,
            0x6000 => FileKind.BlockDevice,
            0xC000 => FileKind.Socket,
            _ => FileKind.Regular,
        };
    }

    /// <summary>Whether this process may write to what lies there.</summary>
    public static bool MayBeWritten(string path) => !OperatingSystem.IsLinux() || Access(path, MayWrite) == 0;

    [LibraryImport("libc", EntryPoint = "statx", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    private static partial int Statx(int folder, string path, int flags, uint wanted, byte* answer);

    [LibraryImport("libc", EntryPoint = "access", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    private static partial int Access(string path, int mode);
}
