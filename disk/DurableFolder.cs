using System.Runtime.InteropServices;

namespace Coordinator.Disk;

/// <summary>
/// Makes a rename durable. POSIX keeps a rename only once the folder itself is flushed, and .NET opens no folders; Windows journals
/// renames by itself.
/// </summary>
public static class DurableFolder
{
    private const int ReadOnly = 0;

    /// <summary>Flushes a folder.</summary>
    /// <exception cref="IOException">It cannot be opened or flushed.</exception>
    public static void Flush(string folder)
    {
        if (OperatingSystem.IsWindows())
            return;
        var descriptor = PosixCalls.Open(folder, ReadOnly);
        if (descriptor < 0)
            throw Failure(folder);
        try
        {
            // A file system without such flushes, as some over networks are, has no more to offer.
            if (PosixCalls.Flush(descriptor) != 0 && Marshal.GetLastPInvokeError() != PosixCalls.InvalidArgument)
                throw Failure(folder);
        }
        finally
        {
            _ = PosixCalls.Close(descriptor);
        }
    }

    private static IOException Failure(string folder) =>
        new($"{folder}: cannot flush the directory: {Marshal.GetLastPInvokeErrorMessage()}");
}
