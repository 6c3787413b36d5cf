using System.Runtime.InteropServices;

namespace Coordinator.Worker.Files;

/// <summary>
/// Makes a rename durable. POSIX keeps a rename only once the directory itself is flushed, and .NET opens no directories;
/// Windows journals renames by itself.
/// </summary>
internal static partial class DirectorySync
{
    private const int ReadOnly = 0;

    /// <exception cref="IOException">The directory cannot be opened or flushed.</exception>
    public static void Flush(string directory)
    {
        if (OperatingSystem.IsWindows())
        {
            return;
        }

        var descriptor = OpenDirectory(directory, ReadOnly);
        if (descriptor < 0)
        {
            throw Failure(directory);
        }

        try
        {
            // EINVAL (22): a file system without directory flushes, such as some network ones; there is nothing more to do there.
            if (FlushDescriptor(descriptor) != 0 && Marshal.GetLastPInvokeError() != 22)
            {
                throw Failure(directory);
            }
        }
        finally
        {
            _ = CloseDescriptor(descriptor);
        }
    }

    private static IOException Failure(string directory) =>
        new($"{directory}: cannot flush the directory: {Marshal.GetLastPInvokeErrorMessage()}");

    [LibraryImport("libc", EntryPoint = "open", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    private static partial int OpenDirectory(string path, int flags);

    [LibraryImport("libc", EntryPoint = "fsync", SetLastError = true)]
    private static partial int FlushDescriptor(int descriptor);

    [LibraryImport("libc", EntryPoint = "close", SetLastError = true)]
    private static partial int CloseDescriptor(int descriptor);
}
