using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;

namespace Coordinator.Worker.External;

/// <summary>
/// Memory that this process shares with a program: a file without a name, of which every page is taken at the start, and whose size is
/// sealed.
/// So nothing that the program does with it, and no lack of memory later, can make reading it fatal here.
/// </summary>
internal sealed unsafe partial class SharedMemory : IDisposable
{
    private const uint CloseOnExecute = 1;
    private const uint AllowSealing = 2;
    private const int AddSeals = 1033;
    private const int SealItself = 1;
    private const int SealShrink = 2;
    private const int SealGrow = 4;
    private const int ReadAndWrite = 3;
    private const int Shared = 1;
    private const nint MapFailed = -1;

    private readonly byte* start;

    private SharedMemory(SafeFileHandle file, byte* start, long bytes)
    {
        (File, Bytes) = (file, bytes);
        this.start = start;
    }

    /// <summary>The file, to be given to the program.</summary>
    public SafeFileHandle File { get; }

    /// <summary>Its size.</summary>
    public long Bytes { get; }

    /// <summary>Makes memory of so many bytes, all zeros.</summary>
    /// <exception cref="InsufficientMemoryException">There is not so much.</exception>
    public static SharedMemory Create(long bytes)
    {
        var descriptor = MemoryFile("coordinator-program", CloseOnExecute | AllowSealing);
        if (descriptor < 0)
            throw Failed(bytes);
        var file = new SafeFileHandle(descriptor, ownsHandle: true);
        try
        {
            if (Truncate(file, bytes) != 0 || Allocate(file, 0, 0, bytes) != 0
                || Control(file, AddSeals, SealShrink | SealGrow | SealItself) != 0)
            {
                throw Failed(bytes);
            }
            var start = Map(0, (nuint)bytes, ReadAndWrite, Shared, file, 0);
            return start != MapFailed ? new SharedMemory(file, (byte*)start, bytes) : throw Failed(bytes);
        }
        catch
        {
            file.Dispose();
            throw;
        }
    }

    /// <summary>Some of its bytes.</summary>
    public Span<byte> Span(long offset, int count)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(offset);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(offset, Bytes - count);
        return new Span<byte>(start + offset, count);
    }

    /// <summary>Some of its numbers.</summary>
    public Span<float> Floats(long offset, int count)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(offset);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(offset, Bytes - ((long)count * sizeof(float)));
        return new Span<float>(start + offset, count);
    }

    /// <summary>Gives it back; nobody may read it any more.</summary>
    public void Dispose()
    {
        _ = Unmap((nint)start, (nuint)Bytes);
        File.Dispose();
    }

    private static InsufficientMemoryException Failed(long bytes) => new(
        $"{bytes / 1048576.0:F0} MiB of memory cannot be shared with the program: "
            + $"{Marshal.GetPInvokeErrorMessage(Marshal.GetLastPInvokeError())}");

    [LibraryImport("libc", EntryPoint = "memfd_create", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    private static partial int MemoryFile(string name, uint flags);

    [LibraryImport("libc", EntryPoint = "ftruncate", SetLastError = true)]
    private static partial int Truncate(SafeFileHandle file, long bytes);

    [LibraryImport("libc", EntryPoint = "fallocate", SetLastError = true)]
    private static partial int Allocate(SafeFileHandle file, int mode, long offset, long bytes);

    [LibraryImport("libc", EntryPoint = "fcntl", SetLastError = true)]
    private static partial int Control(SafeFileHandle file, int command, int argument);

    [LibraryImport("libc", EntryPoint = "mmap", SetLastError = true)]
    private static partial nint Map(nint address, nuint bytes, int protection, int flags, SafeFileHandle file, long offset);

    [LibraryImport("libc", EntryPoint = "munmap", SetLastError = true)]
    private static partial int Unmap(nint address, nuint bytes);
}
