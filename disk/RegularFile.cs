using Microsoft.Win32.SafeHandles;

namespace Coordinator.Disk;

/// <summary>
/// Opens files for reading of which nobody knows what has become of them. Opening never waits: a pipe without a writer, a device or a
/// socket in a file's place is refused, as is a folder. Every file that comes from storage is opened here.
/// <para>
/// Waiting for the bytes is another matter, since file systems over a network may never answer: <see cref="StorageRead"/> bounds that.
/// </para>
/// </summary>
public static class RegularFile
{
    private const int PieceBytes = 1 << 16;

    /// <summary>Opens a file; links are followed.</summary>
    /// <exception cref="FileNotFoundException">There is none, or a link to none.</exception>
    /// <exception cref="DirectoryNotFoundException">Nor is its folder there.</exception>
    /// <exception cref="NotARegularFileException">Something else lies there.</exception>
    /// <exception cref="UnauthorizedAccessException">It may not be read.</exception>
    /// <exception cref="IOException">The system refuses for another reason.</exception>
    public static SafeFileHandle OpenHandle(string path)
    {
        path = Path.GetFullPath(path);
        if (!OperatingSystem.IsLinux())
            return File.OpenHandle(path, FileMode.Open, FileAccess.Read, FileShare.Read | FileShare.Delete);

        // Asked before opening, since opening alone wakes a pipe's writer and rewinds a tape; and after it, since it may have been
        // exchanged.
        var facts = PosixCalls.FactsOf(path, out var error) ?? throw Refused(path, error);
        if (!facts.IsRegular)
            throw new NotARegularFileException(path, facts.Kind);
        var descriptor = PosixCalls.OpenToRead(path, out error);
        if (descriptor < 0)
            throw Refused(path, error);
        var handle = new SafeFileHandle(descriptor, ownsHandle: true);
        if (PosixCalls.FactsOf(handle, out _) is { IsRegular: true })
            return handle;
        handle.Dispose();
        throw new NotARegularFileException(path, "exchanged while it was opened,");
    }

    /// <summary>Opens a file as a stream without a buffer.</summary>
    /// <inheritdoc cref="OpenHandle" path="/exception"/>
    public static FileStream OpenRead(string path)
    {
        var handle = OpenHandle(path);
        try
        {
            return new FileStream(handle, FileAccess.Read, bufferSize: 0);
        }
        catch
        {
            handle.Dispose();
            throw;
        }
    }

    /// <summary>All bytes of a file.</summary>
    /// <param name="path">The file.</param>
    /// <param name="mostBytes">More are refused.</param>
    /// <inheritdoc cref="OpenHandle" path="/exception"/>
    public static byte[] ReadAllBytes(string path, long mostBytes)
    {
        using var stream = OpenRead(path);
        return ReadAll(stream, path, mostBytes);
    }

    /// <summary>A whole file as UTF-8 text.</summary>
    /// <inheritdoc cref="ReadAllBytes"/>
    public static string ReadAllText(string path, long mostBytes)
    {
        using var text = new StreamReader(new MemoryStream(ReadAllBytes(path, mostBytes)));
        return text.ReadToEnd();
    }

    /// <summary>
    /// Opens what an operator named on a command line. Beside files that may be a pipe that the shell made for this very process, such as
    /// <c>&lt;(zcat text.gz)</c>, which has a writer and an end; a named pipe is refused, since nobody may ever write to it.
    /// </summary>
    /// <inheritdoc cref="OpenHandle" path="/exception"/>
    public static FileStream OpenNamed(string path) =>
        IsOwnPipe(path) ? new FileStream(path, new FileStreamOptions { BufferSize = 0 }) : OpenRead(path);

    /// <summary>All bytes of what an operator named; see <see cref="OpenNamed"/>.</summary>
    /// <inheritdoc cref="ReadAllBytes"/>
    public static string ReadNamedText(string path, long mostBytes)
    {
        using var stream = OpenNamed(path);
        using var text = new StreamReader(new MemoryStream(ReadAll(stream, path, mostBytes)));
        return text.ReadToEnd();
    }

    /// <summary>Whether a path is one of this process's own open pipes.</summary>
    public static bool IsOwnPipe(string path)
    {
        if (!OperatingSystem.IsLinux())
            return false;
        var full = Path.GetFullPath(path);
        return (full.StartsWith("/dev/fd/", StringComparison.Ordinal)
            || full.StartsWith("/proc/self/fd/", StringComparison.Ordinal)
            || full == "/dev/stdin")
            && PosixCalls.FactsOf(full, out _) is { IsPipe: true };
    }

    /// <summary>What lies at a path, its links followed; null: nothing, or the system does not say (it is not Linux).</summary>
    public static FileFacts? FactsOf(string path) => OperatingSystem.IsLinux() ? PosixCalls.FactsOf(Path.GetFullPath(path), out _) : null;

    /// <summary>Facts of an open file.</summary>
    /// <exception cref="IOException">The system does not say.</exception>
    public static FileFacts FactsOf(SafeFileHandle handle)
    {
        if (OperatingSystem.IsLinux())
            return PosixCalls.FactsOf(handle, out var error) ?? throw Refused("an open file", error);
        var written = File.GetLastWriteTimeUtc(handle).Ticks * 100;
        return new FileFacts(0, 0, RandomAccess.GetLength(handle), written, written, 0x8000, 0);
    }

    /// <summary>Moves a folder that lies where a file belongs out of the way: a rename replaces anything else.</summary>
    /// <exception cref="IOException">It cannot be moved.</exception>
    public static void MakeWay(string path)
    {
        if (Directory.Exists(path) && new FileInfo(path).LinkTarget is null)
            Directory.Move(path, $"{path}.aside-{Guid.NewGuid():N}");
    }

    private static byte[] ReadAll(Stream stream, string path, long mostBytes)
    {
        using var all = new MemoryStream();
        var piece = new byte[PieceBytes];
        for (int count; (count = stream.Read(piece)) > 0;)
        {
            if (all.Length + count > mostBytes)
                throw new IOException($"{path} is longer than {mostBytes} bytes, which is more than such a file can have");
            all.Write(piece, 0, count);
        }

        return all.ToArray();
    }

    private static Exception Refused(string path, int error) => error switch
    {
        PosixCalls.NoEntry when Directory.Exists(Path.GetDirectoryName(path)) =>
            new FileNotFoundException($"there is no file {path}", path),
        PosixCalls.NoEntry or PosixCalls.NotAFolder => new DirectoryNotFoundException($"there is no file {path}, nor its folder"),
        PosixCalls.AccessDenied or PosixCalls.NotPermitted => new UnauthorizedAccessException($"{path} may not be read by this user"),
        PosixCalls.LoopOfLinks => new NotARegularFileException(path, "a loop of links"),
        _ => new IOException($"{path}: {System.Runtime.InteropServices.Marshal.GetPInvokeErrorMessage(error)}"),
    };
}
