using System.Runtime.InteropServices;

namespace Coordinator.Disk;

/// <summary>
/// What .NET does not ask of the system: what kind of thing lies at a path, opening it without waiting, the mask of new files, and flushing
/// a folder.
/// </summary>
internal static unsafe partial class PosixCalls
{
    public const int NoEntry = 2;
    public const int NotPermitted = 1;
    public const int AccessDenied = 13;
    public const int NotAFolder = 20;
    public const int InvalidArgument = 22;
    public const int LoopOfLinks = 40;

    // The same on every architecture of Linux that .NET runs on.
    private const int CurrentFolder = -100;
    private const int NotWaiting = 0x800;
    private const int CloseOnExecute = 0x80000;
    private const int EmptyPath = 0x1000;
    private const uint BasicFacts = 0x7ff;

    /// <summary>Facts of what lies at a path, its links followed; null: the error number says why not.</summary>
    public static FileFacts? FactsOf(string path, out int error) => Ask(CurrentFolder, path, 0, out error);

    /// <summary>Facts of an open file.</summary>
    public static FileFacts? FactsOf(SafeHandle open, out int error)
    {
        var kept = false;
        open.DangerousAddRef(ref kept);
        try
        {
            return Ask((int)open.DangerousGetHandle(), "", EmptyPath, out error);
        }
        finally
        {
            if (kept)
                open.DangerousRelease();
        }
    }

    /// <summary>Opens for reading, and comes back at once whatever lies there.</summary>
    /// <returns>The descriptor; below 0: the error number says why not.</returns>
    public static int OpenToRead(string path, out int error)
    {
        var descriptor = Open(path, NotWaiting | CloseOnExecute);
        error = descriptor < 0 ? Marshal.GetLastPInvokeError() : 0;
        return descriptor;
    }

    /// <summary>Sets the mask of files that this process makes.</summary>
    /// <returns>The mask before.</returns>
    [LibraryImport("libc", EntryPoint = "umask")]
    public static partial uint SetMask(uint mask);

    /// <summary>Who this process acts as.</summary>
    [LibraryImport("libc", EntryPoint = "geteuid")]
    public static partial uint EffectiveUser();

    [LibraryImport("libc", EntryPoint = "open", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    public static partial int Open(string path, int flags);

    [LibraryImport("libc", EntryPoint = "fsync", SetLastError = true)]
    public static partial int Flush(int descriptor);

    [LibraryImport("libc", EntryPoint = "close", SetLastError = true)]
    public static partial int Close(int descriptor);

    private static FileFacts? Ask(int folder, string path, int flags, out int error)
    {
        var found = stackalloc byte[FileFacts.SystemBytes];
        error = Statx(folder, path, flags, BasicFacts, found) == 0 ? 0 : Marshal.GetLastPInvokeError();
        return error == 0 ? FileFacts.Read(new ReadOnlySpan<byte>(found, FileFacts.SystemBytes)) : null;
    }

    [LibraryImport("libc", EntryPoint = "statx", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    private static partial int Statx(int folder, string path, int flags, uint wanted, byte* found);
}
