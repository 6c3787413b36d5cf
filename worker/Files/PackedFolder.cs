using System.Formats.Tar;
using Coordinator.Disk;

namespace Coordinator.Worker.Files;

/// <summary>
/// Files of a folder as one file, in tar's GNU format: the same files make the same bytes, whoever packs them, in whichever process and
/// when. So entries are in the order of their names and have no times and owners, and of a file's rights only whether it may be run. (The
/// Pax format writes the packing process's number into its headers.) Regular files and folders only: a link may point anywhere on the node
/// that it is unpacked on, and a pipe has no content.
/// </summary>
public static class PackedFolder
{
    private const UnixFileMode Plain = (UnixFileMode)0b110_100_100;
    private const UnixFileMode Runnable = (UnixFileMode)0b111_101_101;

    /// <summary>All that is in a folder, for <see cref="Pack"/>: full paths by names in the folder.</summary>
    /// <exception cref="InvalidDataException">There is a link in it.</exception>
    /// <exception cref="IOException">It cannot be read.</exception>
    public static SortedDictionary<string, string> Everything(string folder)
    {
        var found = new SortedDictionary<string, string>(StringComparer.Ordinal);
        var waiting = new Stack<DirectoryInfo>([new DirectoryInfo(folder)]);
        while (waiting.TryPop(out var next))
        {
            foreach (var entry in next.EnumerateFileSystemInfos())
            {
                // Before it is gone into: links may lead in a circle.
                if (entry.LinkTarget is not null)
                    throw new InvalidDataException($"{entry.FullName} is a link; what is brought to other nodes holds files and folders");
                found.Add(Path.GetRelativePath(folder, entry.FullName).Replace(Path.DirectorySeparatorChar, '/'), entry.FullName);
                if (entry is DirectoryInfo inner)
                    waiting.Push(inner);
            }
        }

        return found;
    }

    /// <summary>Packs files and folders.</summary>
    /// <param name="files">Their full paths, by the names that they have where they are unpacked.</param>
    /// <param name="to">Where the bytes go.</param>
    /// <param name="cancel">Gives up between two files.</param>
    /// <exception cref="IOException">One of them cannot be read, or is neither a file nor a folder.</exception>
    public static void Pack(SortedDictionary<string, string> files, Stream to, CancellationToken cancel = default)
    {
        using var writer = new TarWriter(to, TarEntryFormat.Gnu, leaveOpen: true);
        foreach (var (name, path) in files)
        {
            cancel.ThrowIfCancellationRequested();
            if (Directory.Exists(path))
            {
                writer.WriteEntry(Entry(TarEntryType.Directory, name, Runnable));
                continue;
            }

            using var content = RegularFile.OpenRead(path);
            var mayRun = !OperatingSystem.IsWindows() && (File.GetUnixFileMode(path) & UnixFileMode.UserExecute) != 0;
            var entry = Entry(TarEntryType.RegularFile, name, mayRun ? Runnable : Plain);
            entry.DataStream = content;
            writer.WriteEntry(entry);
        }
    }

    /// <summary>Unpacks what <see cref="Pack"/> has packed into a folder, which is made.</summary>
    /// <returns>All that was made, the folder first: whoever unpacks for another user gives it to that user.</returns>
    /// <exception cref="InvalidDataException">It holds something else than files and folders, or reaches out of the folder.</exception>
    /// <exception cref="IOException">It cannot be written, or ends too early.</exception>
    public static IReadOnlyList<string> Unpack(Stream from, string folder, CancellationToken cancel = default)
    {
        var root = Directory.CreateDirectory(folder).FullName;
        var made = new SortedSet<string>(StringComparer.Ordinal) { root };
        using var reader = new TarReader(from, leaveOpen: true);
        while (reader.GetNextEntry() is { } entry)
        {
            cancel.ThrowIfCancellationRequested();
            var path = Path.GetFullPath(entry.Name, root).TrimEnd(Path.DirectorySeparatorChar);
            if (!path.StartsWith(root + Path.DirectorySeparatorChar, StringComparison.Ordinal))
                throw new InvalidDataException($"'{entry.Name}' reaches out of its folder");
            for (var above = Path.GetDirectoryName(path)!; made.Add(above); above = Path.GetDirectoryName(above)!)
                MakeFolder(above);
            if (entry.EntryType == TarEntryType.Directory)
                MakeFolder(path);
            else if (entry.EntryType is TarEntryType.RegularFile or TarEntryType.V7RegularFile)
                MakeFile(entry, path);
            else
                throw new InvalidDataException($"'{entry.Name}' is neither a file nor a folder");
            made.Add(path);
        }

        Allow(root, Runnable);
        return [.. made];
    }

    private static GnuTarEntry Entry(TarEntryType type, string name, UnixFileMode mode) =>
        new(type, name) { Mode = mode, ModificationTime = DateTimeOffset.UnixEpoch };

    private static void MakeFolder(string path)
    {
        Directory.CreateDirectory(path);
        Allow(path, Runnable);
    }

    private static void MakeFile(TarEntry entry, string path)
    {
        entry.ExtractToFile(path, overwrite: false);
        Allow(path, (entry.Mode & UnixFileMode.UserExecute) != 0 ? Runnable : Plain);
    }

    /// <summary>Whatever mask this process has: programs may run as another user, who is to read them.</summary>
    private static void Allow(string path, UnixFileMode mode)
    {
        if (!OperatingSystem.IsWindows())
            File.SetUnixFileMode(path, mode);
    }
}
