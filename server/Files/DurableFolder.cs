using System.Runtime.InteropServices;

namespace Coordinator.Server.Files;

/// <summary>Makes renames durable: on POSIX systems a new name reaches the disk with its folder, which has to be flushed too.</summary>
internal static partial class DurableFolder
{
    /// <summary>Flushes a folder; on Windows, whose file systems log their renames, nothing.</summary>
    /// <exception cref="IOException">The system refused.</exception>
    public static void Flush(string folder)
    {
        if (OperatingSystem.IsWindows())
            return;
        var handle = Open(folder, 0);
        if (handle < 0)
            throw new IOException($"cannot open '{folder}' to flush it: error {Marshal.GetLastPInvokeError()}");
        try
        {
            if (Sync(handle) != 0)
                throw new IOException($"cannot flush '{folder}': error {Marshal.GetLastPInvokeError()}");
        }
        finally
        {
            _ = Close(handle);
        }
    }

    [LibraryImport("libc", EntryPoint = "open", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    private static partial int Open(string path, int flags);

    [LibraryImport("libc", EntryPoint = "fsync", SetLastError = true)]
    private static partial int Sync(int handle);

    [LibraryImport("libc", EntryPoint = "close", SetLastError = true)]
    private static partial int Close(int handle);
}
